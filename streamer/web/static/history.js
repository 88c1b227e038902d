// History: visits on a timeline and as a list, filtered; and a face sought by a picture.

import { get, personPath, postFiles } from "/static/api.js";
import { changes, moves } from "/static/events.js";
import { change } from "/static/jobs.js";
import { Button, Dialog, Empty, Field, Heading, Notice, Pictures, Portrait, useAction } from "/static/parts.js";
import { html, useEffect, useRef, useState } from "/static/preact.js";
import { go, linkTo, route, useClock, useLoaded, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { Timeline } from "/static/timeline.js";
import { percent, spanOf, timeOf } from "/static/times.js";

const HOUR_MS = 3600e3;
/** What the periods are called, and how long they are. */
const PERIODS = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS, month: 30 * 24 * HOUR_MS };
const ROWS = 500;
const LISTED = 60;

/** One visit: its snapshot, and what can be said of it. */
function Visit({ visit, onClose }) {
  const { busy, fault, run } = useAction();
  const who = visit.person ?? visit.stranger;
  const not = () =>
    run(async () => {
      const event = String(visit.event ?? visit.id);
      await change(personPath(visit.person, "/not-her"), { event }, { person: visit.person });
      onClose();
    });
  const took = visit.exit_utc ? spanOf(Date.parse(visit.exit_utc) - Date.parse(visit.enter_utc)) : T.times.still;
  return html`<${Dialog} title=${who} onClose=${onClose}>
    <div class="face-head">
      ${visit.snapshot_url && html`<img class="crop" src=${visit.snapshot_url} alt=${T.history.snapshot(who)} />`}
      <dl class="facts">
        <div><dt>${T.face.camera}</dt><dd>${visit.camera}</dd></div>
        <div><dt>${T.history.from}</dt><dd>${timeOf(visit.enter_utc, true)}</dd></div>
        <div><dt>${T.history.to}</dt><dd>${visit.exit_utc ? timeOf(visit.exit_utc, true) : T.times.still}</dd></div>
        <div><dt>${T.history.took}</dt><dd>${took}</dd></div>
        ${visit.score > 0 && html`<div><dt>${T.face.sure}</dt><dd>${percent(visit.score)}</dd></div>`}
      </dl>
    </div>
    <${Notice}>${fault}<//>
    ${visit.person &&
    html`<div class="row row-end">
      <${Button} icon="close" disabled=${busy} onClick=${not}>${T.face.not(visit.person)}<//>
      <a class="button" href=${linkTo("people", visit.person)} onClick=${onClose}><span>${T.face.open(visit.person)}</span></a>
    </div>`}
  <//>`;
}

/** Somebody who looks like a face of the picture. */
function Found({ row, portraits, onClose }) {
  const query = row.person ? { person: row.person } : { stranger: row.stranger };
  return html`<li>
    <a class="row-link" href=${linkTo("history", null, query)} onClick=${onClose}>
      <${Portrait} name=${row.person} url=${row.crop_url ?? portraits.get(row.person)} />
      <span class="row-main">
        <span class="row-title">${row.person ?? row.stranger} ${row.named && html`<span class="tag tag-good">${T.history.named}</span>`}</span>
        <span class="detail">${T.history.foundDetail(row.visits, row.last_seen_utc ? timeOf(row.last_seen_utc) : null)}</span>
        <span class="detail">${T.history.nearer(percent(row.different_people_nearer))}</span>
      </span>
    </a>
  </li>`;
}

/** The window that seeks a face of a picture in what was kept. */
function Search({ onClose }) {
  const [files, setFiles] = useState([]);
  const [found, setFound] = useState(null);
  const { busy, fault, run } = useAction();
  useEffect(() => {
    setFound(null);
    if (files.length) run(async () => setFound(await postFiles("/api/search", "picture", files)));
  }, [files]);
  const people = useLoaded(() => get("/api/people"), []).data ?? [];
  const portraits = new Map(people.map((person) => [person.name, person.crop_url]));
  const faces = [...new Set((found ?? []).map((row) => row.face))];
  return html`<${Dialog} title=${T.history.search} onClose=${onClose}>
    <p>${T.history.searchHelp}</p>
    <${Pictures} files=${files} onFiles=${setFiles} several=${false} />
    ${busy && html`<p class="detail" role="status"><span class="spinner" aria-hidden="true"></span> ${T.history.searching}</p>`}
    <${Notice} kind="warn">${fault}<//>
    ${found?.length === 0 && html`<${Notice} kind="warn">${T.history.searchNone}<//>`}
    ${faces.map(
      (face) =>
        html`<section key=${face}>
          ${faces.length > 1 && html`<h3 class="detail">${T.history.face(face + 1)}</h3>`}
          <ul class="rows">
            ${found.filter((row) => row.face === face).map((row) => html`<${Found} key=${row.person ?? row.stranger} row=${row} portraits=${portraits} onClose=${onClose} />`)}
          </ul>
        </section>`,
    )}
  <//>`;
}

function Filters({ query, set }) {
  const people = useLoaded(() => get("/api/people"), []).data ?? [];
  const cameras = useLoaded(() => get("/api/cameras"), []).data ?? [];
  const names = new Set(people.map((person) => person.name));
  if (query.get("person")) names.add(query.get("person"));
  const stranger = query.get("stranger");
  const who = stranger ? `stranger:${stranger}` : query.get("person") ? `person:${query.get("person")}` : "";
  const chosen = (value) => {
    const [kind, ...rest] = value.split(":");
    set({ person: kind === "person" ? rest.join(":") : "", stranger: kind === "stranger" ? rest.join(":") : "" });
  };
  return html`<div class="filters" role="group" aria-label=${T.history.filters}>
    <${Field} label=${T.history.period} value=${query.get("period") ?? "day"} onChange=${(event) => set({ period: event.target.value })}>
      ${Object.keys(PERIODS).map((each) => html`<option key=${each} value=${each}>${T.history.periods[each]}</option>`)}
    <//>
    <${Field} label=${T.history.person} value=${who} onChange=${(event) => chosen(event.target.value)}>
      <option value="">${T.history.everybody}</option>
      ${stranger && html`<option value=${`stranger:${stranger}`}>${stranger}</option>`}
      ${[...names].map((name) => html`<option key=${name} value=${`person:${name}`}>${name}</option>`)}
    <//>
    <${Field} label=${T.history.camera} value=${query.get("camera") ?? ""} onChange=${(event) => set({ camera: event.target.value })}>
      <option value="">${T.history.everywhere}</option>
      ${cameras.map((camera) => html`<option key=${camera.name} value=${camera.name}>${camera.name}</option>`)}
    <//>
    <${Field} label=${T.history.by} value=${query.get("by") ?? "person"} onChange=${(event) => set({ by: event.target.value })}>
      <option value="person">${T.history.byPerson}</option>
      <option value="camera">${T.history.byCamera}</option>
    <//>
  </div>`;
}

export function History() {
  const { query } = useStore(route);
  const changed = useStore(changes);
  const moved = useStore(moves);
  const now = useClock(10000);
  const [open, setOpen] = useState(null);
  const [seeking, setSeeking] = useState(false);
  const [more, setMore] = useState(LISTED);
  const filters = ["person", "stranger", "camera"].map((key) => query.get(key) ?? "");
  const period = PERIODS[query.get("period")] ? query.get("period") : "day";
  const by = query.get("by") === "camera" ? "camera" : "person";
  const asked = useRef();
  const load = () => {
    const [person, stranger, camera] = filters;
    const from = new Date(Date.now() - PERIODS[period]).toISOString();
    return get("/api/visits", { person, stranger, camera, from, limit: ROWS });
  };
  const { data, fault } = useLoaded(load, [...filters, period, changed, Math.floor(moved / 4)], 30000);
  asked.current = data ?? asked.current;
  const visits = asked.current ?? [];
  const set = (values) => {
    const next = Object.fromEntries(query);
    for (const [key, value] of Object.entries(values)) {
      if (value) next[key] = value;
      else delete next[key];
    }
    go("history", null, next);
  };
  return html`<div>
    <${Heading} title=${T.views.history} detail=${data && T.history.summary(visits.length, visits.length >= ROWS)}>
      <${Button} icon="search" onClick=${() => setSeeking(true)}>${T.history.search}<//>
    <//>
    <${Filters} query=${query} set=${set} />
    <${Notice} kind="warn">${fault?.message}<//>
    ${data && visits.length === 0 && html`<${Empty} icon="history" title=${T.history.none}>${T.history.noneHow}<//>`}
    ${visits.length > 0 &&
    html`<${Timeline} visits=${visits} by=${by} span=${PERIODS[period]} now=${now} onVisit=${setOpen} />
      <h2 class="part-title">${T.history.list}</h2>
      <ul class="rows card">
        ${visits.slice(0, more).map((visit) => {
          const who = visit.person ?? visit.stranger;
          return html`<li key=${`${visit.event ?? visit.id}`}>
            <button type="button" class="row-link visit-row" onClick=${() => setOpen(visit)}>
              <${Portrait} name=${visit.person} url=${visit.snapshot_url} />
              <span class="row-main"><span class="row-title">${who}</span><span class="detail">${visit.camera}</span></span>
              <span class="detail">${T.history.range(timeOf(visit.enter_utc), visit.exit_utc ? timeOf(visit.exit_utc) : null)}</span>
              <span class="row-side">${spanOf((visit.exit_utc ? Date.parse(visit.exit_utc) : now) - Date.parse(visit.enter_utc))}</span>
            </button>
          </li>`;
        })}
      </ul>
      ${visits.length > more && html`<div class="row row-centre"><${Button} onClick=${() => setMore(more + LISTED)}>${T.more}<//></div>`}`}
    ${open && html`<${Visit} visit=${open} onClose=${() => setOpen(null)} />`}
    ${seeking && html`<${Search} onClose=${() => setSeeking(false)} />`}
  </div>`;
}
