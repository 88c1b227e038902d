// What can be said of a face that somebody clicked on: live, or of a stranger who was kept.

import { get, personPath } from "/static/api.js";
import { eventOf } from "/static/events.js";
import { Icon } from "/static/icons.js";
import { change, embed, enrolStranger, enrolTrack } from "/static/jobs.js";
import { Button, Dialog, Field, Notice, Portrait, useAction, useId } from "/static/parts.js";
import { html, useEffect, useRef, useState } from "/static/preact.js";
import { useLoaded } from "/static/store.js";
import { T } from "/static/texts.js";
import { percent, spanOf, timeOf } from "/static/times.js";

const SUGGESTED = 6;

/** A canvas that was cut out before, put where it belongs. */
function Crop({ crop, label }) {
  const ref = useRef();
  useEffect(() => {
    crop.setAttribute("role", "img");
    crop.setAttribute("aria-label", label);
    ref.current.replaceChildren(crop);
  }, [crop]);
  return html`<div class="crop" ref=${ref}></div>`;
}

/** Ask for a name; who is enrolled already is offered. onName(name) may throw a Fault. */
export function NameForm({ onName, label = T.face.name, autofocus = true }) {
  const [name, setName] = useState("");
  const { busy, fault, run } = useAction();
  const people = useLoaded(() => get("/api/people"), []).data ?? [];
  const form = useRef();
  const list = useId();
  const typed = name.trim().toLocaleLowerCase();
  const known = people.find((person) => person.name.toLocaleLowerCase() === typed);
  const offered = people.filter((person) => !typed || person.name.toLocaleLowerCase().includes(typed));
  useEffect(() => {
    if (autofocus) form.current.querySelector("input").focus();
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (name.trim()) run(() => onName(known ? known.name : name.trim()));
  };
  return html`<form ref=${form} class="stack" onSubmit=${submit}>
    <${Field}
      label=${label}
      value=${name}
      maxlength="64"
      required
      list=${list}
      onInput=${(event) => setName(event.target.value)}
    />
    <datalist id=${list}>${people.slice(0, 200).map((person) => html`<option key=${person.name} value=${person.name} />`)}</datalist>
    ${offered.length > 0 &&
    !known &&
    html`<div class="offers" role="group" aria-label=${T.face.offers}>
      ${offered.slice(0, SUGGESTED).map(
        (person) =>
          html`<button key=${person.name} type="button" class="chip" onClick=${() => setName(person.name)}>
            <${Portrait} name=${person.name} url=${person.crop_url} size="tiny" />${person.name}
          </button>`,
      )}
    </div>`}
    <${Notice}>${fault}<//>
    <div class="row row-end">
      <button class="button primary" type="submit" disabled=${busy || !name.trim()}>
        <span>${known ? T.face.addTo(known.name) : T.face.enrol}</span>
      </button>
    </div>
  </form>`;
}

/** Where a stranger was seen before, as far as the history has it. */
function Before({ stranger }) {
  const path = `/api/strangers/${encodeURIComponent(stranger)}/visits`;
  const { data, fault } = useLoaded(() => get(path), [path]);
  if (fault) return html`<p class="detail">${T.face.notKept}</p>`;
  if (!data) return null;
  if (!data.length) return html`<p class="detail">${T.face.notBefore}</p>`;
  return html`<ul class="rows">
    ${data.slice(0, 4).map(
      (visit) =>
        html`<li key=${visit.enter_utc} class="line-row">
          <span class="row-main">${timeOf(visit.enter_utc)}</span>
          <span class="detail">${visit.camera}</span>
          <span class="row-side">${visit.exit_utc ? spanOf(Date.parse(visit.exit_utc) - Date.parse(visit.enter_utc)) : T.times.still}</span>
        </li>`,
    )}
  </ul>`;
}

/** A button that asks once more before it does what cannot be taken back at once. */
export function Sure({ icon, text, sure, onSure, kind = "" }) {
  const [asked, setAsked] = useState(false);
  if (!asked) return html`<${Button} icon=${icon} kind=${kind} onClick=${() => setAsked(true)}>${text}<//>`;
  return html`<div class="sure" role="group" aria-label=${text}>
    <p>${sure}</p>
    <div class="row">
      <${Button} kind="danger" onClick=${onSure}>${text}<//>
      <${Button} onClick=${() => setAsked(false)}>${T.keep}<//>
    </div>
  </div>`;
}

/** The id of the event that said a face was somebody. */
async function eventFor(name, camera, track) {
  const heard = eventOf(track);
  if (heard) return heard;
  const visits = await get("/api/visits", { person: name, camera, limit: 50 });
  const written = visits.find((visit) => visit.track === track)?.event;
  if (!written) throw new Error(T.face.noEvent);
  return written;
}

/** The window for a face before a camera: {camera, face, crop}. */
export function FaceDialog({ camera, face, crop, onClose }) {
  const [wrong, setWrong] = useState(false);
  const { busy, fault, run } = useAction();
  const { name, stranger, track } = face;
  const who = name ?? stranger;
  const enrol = async (person) => {
    await enrolTrack(person, camera, track);
    onClose();
  };
  const notThem = () =>
    run(async () => {
      const event = await eventFor(name, camera, track);
      const { job, ended } = await change(personPath(name, "/not-her"), { event }, { person: name });
      embed(job);
      const over = await ended;
      if (over.state !== "done") throw new Error(over.fault);
      setWrong(true);
    });
  const ignore = () =>
    run(async () => {
      await change("/api/ignore", { who, undo: false }, { person: who });
      onClose();
    });
  const title = name ?? T.face.who;
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <div class="face-head">
      ${crop && html`<${Crop} crop=${crop} label=${T.face.crop(who ?? T.live.undecided)} />`}
      <dl class="facts">
        <div><dt>${T.face.camera}</dt><dd>${camera}</dd></div>
        <div><dt>${T.face.as}</dt><dd>${who ?? T.live.undecided}</dd></div>
        ${face.score > 0 && html`<div><dt>${T.face.sure}</dt><dd>${percent(face.score)}</dd></div>`}
      </dl>
    </div>
    ${name && !wrong
      ? html`<div class="stack">
          <${Button} icon="plus" kind="primary wide" disabled=${busy} onClick=${() => run(() => enrol(name))}>${T.face.addLooks(name)}<//>
          <${Button} icon="close" kind="wide" disabled=${busy} onClick=${notThem}>${T.face.not(name)}<//>
          <a class="button wide" href=${`#/people/${encodeURIComponent(name)}`} onClick=${onClose}>
            <${Icon} name="person" /><span>${T.face.open(name)}</span>
          </a>
        </div>`
      : html`${wrong && html`<${Notice} kind="good">${T.face.noted(name)}<//>`}
          <${NameForm} label=${wrong ? T.face.rather : T.face.name} onName=${enrol} />`}
    <${Notice}>${fault}<//>
    ${stranger &&
    html`<section class="dialog-part"><h3>${T.face.before}</h3><${Before} stranger=${stranger} /></section>`}
    ${who &&
    !wrong &&
    html`<section class="dialog-part">
      <${Sure} icon="hide" kind="quiet" text=${T.face.ignore(who)} sure=${T.face.ignoreSure} onSure=${ignore} />
    </section>`}
  <//>`;
}

/** The window for a stranger who was kept: name them, see where they were, ignore them. */
export function StrangerDialog({ stranger, onClose }) {
  const { fault, run } = useAction();
  const id = stranger.stranger;
  const enrol = async (person) => {
    await enrolStranger(person, id);
    onClose();
  };
  const ignore = () =>
    run(async () => {
      await change("/api/ignore", { who: id, undo: false }, { person: id });
      onClose();
    });
  return html`<${Dialog} title=${T.face.who} onClose=${onClose}>
    <div class="face-head">
      <${Portrait} name=${null} url=${stranger.crop_url} size="large" />
      <dl class="facts">
        <div><dt>${T.face.as}</dt><dd>${id}</dd></div>
        ${stranger.first_utc && html`<div><dt>${T.strangers.first}</dt><dd>${timeOf(stranger.first_utc)}</dd></div>`}
        ${stranger.last_utc && html`<div><dt>${T.strangers.last}</dt><dd>${timeOf(stranger.last_utc)}</dd></div>`}
      </dl>
    </div>
    <${NameForm} onName=${enrol} />
    <${Notice}>${fault}<//>
    <section class="dialog-part"><h3>${T.face.before}</h3><${Before} stranger=${id} /></section>
    <section class="dialog-part">
      <${Sure} icon="hide" kind="quiet" text=${T.face.ignore(id)} sure=${T.face.ignoreSure} onSure=${ignore} />
    </section>
  <//>`;
}
