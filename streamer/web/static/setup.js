// First run: from nothing to the first name, in three steps.

import { get, post } from "/static/api.js";
import { Camera, wordOf } from "/static/camera.js";
import { changes } from "/static/events.js";
import { Icon } from "/static/icons.js";
import { embed, enrolTrack, isOver, jobs } from "/static/jobs.js";
import { Button, Empty, Field, Heading, Notice, useAction } from "/static/parts.js";
import { html, useEffect, useState } from "/static/preact.js";
import { linkTo, useLoaded, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { JobCard } from "/static/toasts.js";

const EVERY_MS = 4000;

/** A name for a camera that nobody has: "camera", "camera-2". */
function freeName(wanted, cameras) {
  const base = wanted.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 24) || "camera";
  const taken = new Set(cameras.map((camera) => camera.name));
  if (!taken.has(base)) return base;
  for (let number = 2; ; number += 1) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}

function Steps({ at }) {
  return html`<ol class="steps" aria-label=${T.setup.steps}>
    ${T.setup.stepNames.map(
      (name, index) =>
        html`<li key=${name} class=${index < at ? "step step-done" : index === at ? "step step-on" : "step"} aria-current=${index === at ? "step" : undefined}>
          <span class="step-mark">${index < at ? html`<${Icon} name="check" />` : index + 1}</span>${name}
        </li>`,
    )}
  </ol>`;
}

/** A camera by its address. */
function Address({ cameras, add }) {
  const [name, setName] = useState("");
  const [source, setSource] = useState("");
  const { busy, fault, run } = useAction();
  const submit = (event) => {
    event.preventDefault();
    const typed = source.trim();
    // A number is a webcam's.
    run(() => add(name.trim() || freeName("camera", cameras), /^\d{1,2}$/.test(typed) ? Number(typed) : typed));
  };
  return html`<form class="stack" onSubmit=${submit}>
    <${Field} label=${T.setup.source} help=${T.setup.sourceHelp} value=${source} required spellcheck="false" onInput=${(event) => setSource(event.target.value)} />
    <${Field} label=${T.setup.name} help=${T.setup.nameHelp} value=${name} pattern="[A-Za-z0-9_\\-]+" maxlength="64" onInput=${(event) => setName(event.target.value)} />
    <${Notice}>${fault}<//>
    <div class="row"><button class="button" type="submit" disabled=${busy || !source.trim()}><span>${T.setup.addAddress}</span></button></div>
  </form>`;
}

/** Step one: a camera that runs already, a webcam of this host, one in the network, or an address. */
function Pick({ setup, onPick, again }) {
  const { busy, fault, run } = useAction();
  const [restart, setRestart] = useState("");
  const cameras = setup.cameras ?? [];
  const add = async (name, source) => {
    const answer = await post("/api/setup/camera", { name, source });
    again();
    if (answer?.restart_needed) setRestart(name);
    else onPick(name);
  };
  const found = [
    ...(setup.webcams ?? []).map((each) => ({ ...each, icon: "camera", detail: T.setup.webcam(each.source) })),
    ...(setup.onvif ?? []).map((source) => ({ source, icon: "search", detail: source })),
  ];
  return html`<section aria-labelledby="pick-title">
    <h2 id="pick-title" class="part-title">${T.setup.pick}</h2>
    ${restart && html`<${Notice} kind="warn">${T.setup.restart(restart)}<//>`}
    <${Notice}>${fault}<//>
    <ul class="picks">
      ${cameras.map(
        (camera) =>
          html`<li key=${camera.name}>
            <button type="button" class="pick" onClick=${() => onPick(camera.name)}>
              <${Icon} name="camera" large /><span class="pick-name">${camera.name}</span>
              <span class="detail">${T.live.states[camera.state] ?? camera.state ?? ""}</span>
            </button>
          </li>`,
      )}
      ${found.map(
        (each) =>
          html`<li key=${`${each.icon} ${each.detail}`}>
            <button type="button" class="pick" disabled=${busy} onClick=${() => run(() => add(freeName(each.name ?? "camera", cameras), each.source))}>
              <${Icon} name=${each.icon} large /><span class="pick-name">${each.name ?? each.detail}</span>
              <span class="detail">${T.setup.found(each.detail)}</span>
            </button>
          </li>`,
      )}
    </ul>
    ${!cameras.length && !found.length && html`<p class="detail">${T.setup.noneFound}</p>`}
    <details class="card more" open=${!cameras.length && !found.length}>
      <summary>${T.setup.byAddress}</summary>
      <${Address} cameras=${cameras} add=${add} />
    </details>
  </section>`;
}

/** Steps two and three: see the camera, and say who is before it. */
function Look({ camera, onBack }) {
  const [faces, setFaces] = useState([]);
  const [chosen, setChosen] = useState(null);
  const [name, setName] = useState("");
  const [asked, setAsked] = useState(null);
  const shown = useStore(jobs);
  const { busy, fault, run } = useAction();
  const job = asked && (shown.find((each) => each.job === asked.job) ?? asked);
  const done = job?.state === "done";
  const running = job && !isOver(job);
  const heard = (next) => {
    setFaces((old) => (old.map((face) => face.track + wordOf(face)).join() === next.map((face) => face.track + wordOf(face)).join() ? old : next));
  };
  const face = faces.find((each) => each.track === chosen) ?? (faces.length === 1 ? faces[0] : null);
  const named = done && faces.some((each) => each.name === asked.person);
  const hint = faces.length === 0 ? T.setup.noFace : face ? T.setup.ready(wordOf(face)) : T.setup.several;
  const enrol = (event) => {
    event.preventDefault();
    setAsked(null);
    run(async () => {
      const { job: begun, ended } = await enrolTrack(name.trim(), camera.name, face.track);
      embed(begun);
      setAsked({ ...begun, person: name.trim() });
      const over = await ended;
      setAsked({ ...over, person: name.trim() });
    });
  };
  return html`<section aria-labelledby="look-title" class="look">
    <div>
      <div class="row row-between">
        <h2 id="look-title" class="part-title">${camera.name}</h2>
        <${Button} icon="back" kind="small" onClick=${onBack}>${T.setup.other}<//>
      </div>
      <${Camera} camera=${camera} large marked=${face?.track ?? ""} onFaces=${heard} onFace=${(picked) => setChosen(picked.face.track)} />
    </div>
    <div class="card look-card">
      ${done
        ? html`<div class="hello" role="status">
            <span class="hello-mark"><${Icon} name="check" large /></span>
            <p class="hello-title">${named ? T.setup.hello(asked.person) : T.setup.learned(asked.person)}</p>
            <p class="detail">${named ? T.setup.helloText : T.setup.learnedText}</p>
            <div class="row row-centre">
              <a class="button primary" href="#/live"><span>${T.setup.toLive}</span></a>
              <a class="button" href=${linkTo("people", asked.person)}><span>${T.face.open(asked.person)}</span></a>
            </div>
          </div>`
        : html`<form class="stack" onSubmit=${enrol}>
            <h2 class="look-title">${T.setup.whoTitle}</h2>
            <p class=${`hint ${face ? "hint-good" : ""}`} role="status"><${Icon} name=${face ? "check" : "person"} />${hint}</p>
            <${Field} label=${T.setup.yourName} value=${name} maxlength="64" required autocomplete="name" onInput=${(event) => setName(event.target.value)} />
            <${Notice}>${fault}<//>
            ${job && html`<${JobCard} job=${job} closes=${false} />`}
            <button class="button primary wide" type="submit" disabled=${busy || running || !face || !name.trim()}><span>${T.setup.thatIsMe}</span></button>
            <p class="help">${T.setup.stays}</p>
          </form>`}
    </div>
  </section>`;
}

export function Setup() {
  const changed = useStore(changes);
  const { data, fault, again } = useLoaded(() => get("/api/setup"), [changed], EVERY_MS);
  const [picked, setPicked] = useState(null);
  const [left, setLeft] = useState(false);
  const shown = useStore(jobs);
  const cameras = data?.cameras ?? [];
  const only = !left && cameras.length === 1 && data.people === 0 ? cameras[0].name : null;
  const wanted = picked ?? only;
  const camera = wanted && cameras.find((each) => each.name === wanted);
  useEffect(() => {
    // With one camera there is nothing to choose, until somebody wants another one.
    if (!picked && only) setPicked(only);
  }, [picked, only]);
  const enrolled = shown.some((job) => job.kind === "EnrolTrack" && job.state === "done");
  const back = () => {
    setPicked(null);
    setLeft(true);
  };
  return html`<div class="setup">
    <${Heading} title=${data?.people ? T.setup.titleMore : T.setup.title} detail=${T.setup.what} />
    <${Steps} at=${!wanted ? 0 : enrolled ? 3 : camera ? 2 : 1} />
    <${Notice}>${fault?.message}<//>
    ${data && !wanted && html`<${Pick} setup=${data} onPick=${setPicked} again=${again} />`}
    ${wanted && !camera && html`<${Empty} icon="camera" title=${T.setup.opening(wanted)}><${Button} onClick=${back}>${T.setup.other}<//><//>`}
    ${camera && html`<${Look} key=${camera.name} camera=${camera} onBack=${back} />`}
  </div>`;
}
