// One person: what is known of them, their crops with verdicts, and all that can be done.

import { get, personPath } from "/static/api.js";
import { changes } from "/static/events.js";
import { Icon } from "/static/icons.js";
import { change, enrolFiles } from "/static/jobs.js";
import { Button, Dialog, Empty, Field, Heading, Notice, Pictures, Portrait, useAction } from "/static/parts.js";
import { html, useEffect, useState } from "/static/preact.js";
import { go, linkTo, useClock, useLoaded, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { agoOf, dayOf, percent, spanOf, timeOf } from "/static/times.js";

/** A window with one form whose submission makes a change. */
function Ask({ title, submit, danger, onSubmit, onClose, children, ready = true }) {
  const { busy, fault, run } = useAction();
  const sent = (event) => {
    event.preventDefault();
    run(async () => {
      await onSubmit();
      onClose();
    });
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form class="stack" onSubmit=${sent}>
      ${children}
      <${Notice}>${fault}<//>
      <div class="row row-end">
        <${Button} onClick=${onClose}>${T.cancel}<//>
        <button class=${`button ${danger ? "danger" : "primary"}`} type="submit" disabled=${busy || !ready}><span>${submit}</span></button>
      </div>
    </form>
  <//>`;
}

function Rename({ name, onClose }) {
  const [next, setNext] = useState(name);
  const rename = async () => {
    const { ended } = await change(personPath(name, "/rename"), { name: next.trim() }, { person: name, next });
    const job = await ended;
    if (job.state === "done") go("people", next.trim());
  };
  return html`<${Ask}
    title=${T.person.rename}
    submit=${T.person.rename}
    ready=${Boolean(next.trim()) && next.trim() !== name}
    onSubmit=${rename}
    onClose=${onClose}
  >
    <${Field} label=${T.person.newName} value=${next} maxlength="64" required onInput=${(event) => setNext(event.target.value)} />
  <//>`;
}

function Merge({ name, people, onClose }) {
  const others = people.filter((person) => person.name !== name);
  const [into, setInto] = useState("");
  const merge = async () => {
    const { ended } = await change(personPath(name, "/merge"), { into }, { person: name, into });
    const job = await ended;
    if (job.state === "done") go("people", into);
  };
  return html`<${Ask} title=${T.person.mergeTitle(name)} submit=${T.person.merge} ready=${Boolean(into)} onSubmit=${merge} onClose=${onClose}>
    <p>${T.person.mergeHelp}</p>
    <${Field} label=${T.person.mergeInto} value=${into} onChange=${(event) => setInto(event.target.value)}>
      <option value="">${T.person.choose}</option>
      ${others.map((person) => html`<option key=${person.name} value=${person.name}>${person.name}</option>`)}
    <//>
  <//>`;
}

function Forget({ name, onClose }) {
  const [typed, setTyped] = useState("");
  const forget = async () => {
    await change(personPath(name, "/forget"), {}, { person: name });
    go("people");
  };
  return html`<${Ask}
    title=${T.person.forgetTitle(name)}
    submit=${T.person.forget}
    danger
    ready=${typed.trim() === name}
    onSubmit=${forget}
    onClose=${onClose}
  >
    <p>${T.person.forgetHelp}</p>
    <${Field} label=${T.person.forgetType(name)} value=${typed} onInput=${(event) => setTyped(event.target.value)} />
  <//>`;
}

function Consent({ person, onClose }) {
  const [note, setNote] = useState(person.consent ?? "");
  const [until, setUntil] = useState(person.expires_utc?.slice(0, 10) ?? "");
  const save = async () => {
    // The day itself is still agreed to, wherever she is: until its end, here.
    const expires = until ? new Date(`${until}T23:59:59`).toISOString() : null;
    const body = { consent: note.trim() || null, expires_utc: expires };
    await change(personPath(person.name, "/consent"), body, { person: person.name });
  };
  return html`<${Ask} title=${T.person.consent} submit=${T.save} onSubmit=${save} onClose=${onClose}>
    <${Field} label=${T.person.consentNote} help=${T.person.consentHelp} maxlength="300" value=${note} onInput=${(event) => setNote(event.target.value)} />
    <${Field} label=${T.person.expires} help=${T.person.expiresHelp} type="date" value=${until} onInput=${(event) => setUntil(event.target.value)} />
  <//>`;
}

const LISTED = 8;
const WINDOWS = { rename: Rename, merge: Merge, forget: Forget };

function Facts({ person, onConsent }) {
  const now = useClock();
  const rejects = person.expected_false_rejects;
  return html`<div class="facts-card card"><dl class="facts facts-wide">
    <div>
      <dt>${T.person.seen}</dt>
      <dd>${person.last_seen_utc ? T.people.seen(agoOf(person.last_seen_utc, now), person.last_camera) : T.people.neverSeen}</dd>
    </div>
    <div>
      <dt>${T.person.rejects}</dt>
      <dd>${rejects === null || rejects === undefined ? T.person.rejectsUnknown : percent(rejects)}</dd>
    </div>
    <div>
      <dt>${T.person.consent}</dt>
      <dd>${person.consent || T.person.noConsent}</dd>
    </div>
    <div>
      <dt>${T.person.expires}</dt>
      <dd>${person.expires_utc ? dayOf(person.expires_utc) : T.person.noExpiry}</dd>
    </div>
  </dl><${Button} icon="edit" kind="small" onClick=${onConsent}>${T.person.editConsent}<//></div>`;
}

/** What is to be said of a crop: why it is set aside, or how it was judged when it was held out. */
function verdictOf(crop) {
  if (!crop.kept) return crop.reason || T.person.aside;
  return T.person.verdicts[crop.verdict]?.(crop.named) ?? T.person.kept;
}

function Crops({ name, crops }) {
  const { busy, fault, run } = useAction();
  const move = (crop) =>
    run(async () => {
      const way = crop.kept ? "/set-aside" : "/put-back";
      await (await change(personPath(name, way), { crops: [crop.id] }, { person: name })).ended;
    });
  return html`<section aria-labelledby="crops-title">
    <h2 id="crops-title" class="part-title">${T.person.crops}</h2>
    <${Notice}>${fault}<//>
    <ul class="crops">
      ${crops.map(
        ({ source, ...crop }) => {
          const from = source.split("/").at(-1) || crop.id;
          return html`<li key=${crop.id} class=${crop.kept ? "crop-item" : "crop-item crop-aside"}>
            <img src=${crop.url} alt=${T.person.cropAlt(from)} title=${from} loading="lazy" width="96" height="96" />
            <p class=${crop.verdict === "wrong" ? "crop-wrong" : ""}><${Icon} name=${crop.kept && crop.verdict !== "wrong" ? "check" : "alert"} />${verdictOf(crop)}</p>
            <${Button}
              kind="small"
              label=${crop.kept ? T.person.setAsideOf(from) : T.person.putBackOf(from)}
              disabled=${busy}
              onClick=${() => move(crop)}
              >${crop.kept ? T.person.setAside : T.person.putBack}<//
            >
          </li>`;
        },
      )}
    </ul>
  </section>`;
}

function Visits({ name, visits }) {
  return html`<section aria-labelledby="visits-title">
    <h2 id="visits-title" class="part-title">${T.person.visits}</h2>
    ${visits.length === 0 && html`<p class="detail">${T.person.noVisits}</p>`}
    ${visits.length > 0 &&
    html`<ul class="rows card">
      ${visits.slice(0, LISTED).map(
        (visit) =>
          html`<li key=${visit.enter_utc + visit.camera} class="line-row">
            <span class="row-main">${timeOf(visit.enter_utc)}</span>
            <span class="detail">${visit.camera}</span>
            <span class="row-side">${visit.exit_utc ? spanOf(Date.parse(visit.exit_utc) - Date.parse(visit.enter_utc)) : T.times.still}</span>
          </li>`,
      )}
    </ul>
    <p class="after"><a href=${linkTo("history", null, { person: name })}>${T.person.allVisits}</a></p>`}
  </section>`;
}

export function Person({ name, people }) {
  const changed = useStore(changes);
  const [open, setOpen] = useState(null);
  const [files, setFiles] = useState([]);
  const upload = useAction();
  const { data, fault } = useLoaded(() => get(personPath(name)), [name, changed], 20000);
  const close = () => setOpen(null);
  const back = { href: "#/people", text: T.views.people };
  const Window = WINDOWS[open];
  const crops = data?.crops_list ?? [];
  const send = () =>
    upload.run(async () => {
      await enrolFiles(name, files);
      setFiles([]);
    });
  useEffect(() => setFiles([]), [name]);
  if (!data) {
    return html`<div>
      <${Heading} title=${name} back=${back} />
      ${fault && html`<${Empty} icon="person" title=${fault.message} />`}
    </div>`;
  }
  return html`<div>
    <${Heading} title=${name} back=${back} detail=${T.person.summary(data.crops, data.set_aside)}>
      <${Button} icon="edit" onClick=${() => setOpen("rename")}>${T.person.rename}<//>
      ${people.length > 1 && html`<${Button} icon="merge" onClick=${() => setOpen("merge")}>${T.person.merge}<//>`}
      <a class="button" href=${personPath(name, "/export.zip")} download><${Icon} name="download" /><span>${T.person.export}</span></a>
      <${Button} icon="trash" kind="danger-quiet" onClick=${() => setOpen("forget")}>${T.person.forget}<//>
    <//>
    <div class="person-top">
      <${Portrait} name=${name} url=${data.crop_url ?? crops.find((crop) => crop.kept)?.url ?? (data.visits ?? []).find((visit) => visit.snapshot_url)?.snapshot_url} size="huge" />
      <${Facts} person=${data} onConsent=${() => setOpen("consent")} />
    </div>
    <div class="person-grid">
      <div>
        ${crops.length > 0 && html`<${Crops} name=${name} crops=${crops} />`}
        <section aria-labelledby="add-title">
          <h2 id="add-title" class="part-title">${T.person.addPictures}</h2>
          <${Pictures} files=${files} onFiles=${setFiles} />
          <${Notice}>${upload.fault}<//>
          ${files.length > 0 &&
          html`<div class="row row-end">
            <${Button} kind="primary" disabled=${upload.busy} onClick=${send}>${T.upload.send(files.length)}<//>
          </div>`}
        </section>
      </div>
      <${Visits} name=${name} visits=${data.visits ?? []} />
    </div>
    ${Window && html`<${Window} name=${name} people=${people} onClose=${close} />`}
    ${open === "consent" && html`<${Consent} person=${data} onClose=${close} />`}
  </div>`;
}
