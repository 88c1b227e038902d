// People: who is enrolled, strangers who were kept, and who is ignored.

import { get } from "/static/api.js";
import { changes, touch } from "/static/events.js";
import { NameForm, StrangerDialog } from "/static/face.js";
import { Icon } from "/static/icons.js";
import { change, enrolFiles } from "/static/jobs.js";
import { Button, Dialog, Empty, Field, Heading, Notice, Pictures, Portrait, useAction } from "/static/parts.js";
import { Person } from "/static/person.js";
import { html, useState } from "/static/preact.js";
import { linkTo, route, useClock, useLoaded, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { agoOf, dayOf, timeOf } from "/static/times.js";

const MANY = 12;

/** The window that enrols somebody new from pictures. */
function AddPerson({ onClose }) {
  const [files, setFiles] = useState([]);
  const enrol = async (name) => {
    if (!files.length) throw new Error(T.upload.none);
    await enrolFiles(name, files);
    onClose();
  };
  return html`<${Dialog} title=${T.people.add} onClose=${onClose}>
    <${Pictures} files=${files} onFiles=${setFiles} />
    <${NameForm} onName=${enrol} autofocus=${false} />
    <p class="help">${T.people.addHelp}</p>
  <//>`;
}

function Card({ person, now }) {
  const seen = person.last_seen_utc;
  return html`<li>
    <a class="person-card" href=${linkTo("people", person.name)}>
      <${Portrait} name=${person.name} url=${person.crop_url} size="big" />
      <span class="person-card-name">${person.name}</span>
      <span class="detail">${seen ? T.people.seen(agoOf(seen, now), person.last_camera) : T.people.neverSeen}</span>
      <span class="tags">
        <span class="tag">${T.people.crops(person.crops)}</span>
        ${person.set_aside > 0 && html`<span class="tag tag-warn">${T.people.aside(person.set_aside)}</span>`}
        ${person.expires_utc && html`<span class="tag tag-warn">${T.people.until(dayOf(person.expires_utc))}</span>`}
      </span>
    </a>
  </li>`;
}

function Enrolled({ people }) {
  const now = useClock();
  const [sought, setSought] = useState("");
  const typed = sought.trim().toLocaleLowerCase();
  const shown = people.filter((person) => person.name.toLocaleLowerCase().includes(typed));
  if (!people.length) {
    return html`<${Empty} icon="people" title=${T.people.none}><a href="#/setup">${T.people.noneHow}</a><//>`;
  }
  return html`${people.length > MANY &&
    html`<div class="filters">
      <${Field} label=${T.people.find} type="search" value=${sought} onInput=${(event) => setSought(event.target.value)} />
    </div>`}
    <ul class="person-cards">
      ${shown.map((person) => html`<${Card} key=${person.name} person=${person} now=${now} />`)}
    </ul>`;
}

function Strangers() {
  const changed = useStore(changes);
  const [open, setOpen] = useState(null);
  const { data, fault } = useLoaded(() => get("/api/strangers"), [changed]);
  if (fault) return html`<${Notice} kind="warn">${fault.message}<//>`;
  if (!data) return null;
  if (!data.length) return html`<${Empty} icon="person" title=${T.strangers.none}>${T.strangers.noneHow}<//>`;
  return html`<ul class="person-cards">
      ${data.map(
        (stranger) =>
          html`<li key=${stranger.stranger}>
            <button type="button" class="person-card" onClick=${() => setOpen(stranger)}>
              <${Portrait} name=${null} url=${stranger.crop_url} size="big" />
              <span class="person-card-name">${stranger.stranger}</span>
              <span class="detail">${T.strangers.seen(timeOf(stranger.last_utc), stranger.camera)}</span>
              <span class="tags"><span class="tag">${T.strangers.visits(stranger.visits)}</span></span>
            </button>
          </li>`,
      )}
    </ul>
    ${open && html`<${StrangerDialog} stranger=${open} onClose=${() => setOpen(null)} />`}`;
}

function Ignored() {
  const changed = useStore(changes);
  const { data, fault } = useLoaded(() => get("/api/ignored"), [changed]);
  const action = useAction();
  if (fault) return html`<${Notice} kind="warn">${fault.message}<//>`;
  const rows = Array.isArray(data) ? data : (data?.ignored ?? null);
  if (!rows) return null;
  if (!rows.length) return html`<${Empty} icon="hide" title=${T.ignored.none}>${T.ignored.what}<//>`;
  const undo = (who) =>
    action.run(async () => {
      await (await change("/api/ignore", { who, undo: true }, { person: who, undo: true })).ended;
      touch();
    });
  return html`<${Notice}>${action.fault}<//>
    <ul class="rows card">
      ${rows.map(
        (who) =>
          html`<li key=${who} class="line-row">
            <${Icon} name="hide" /><span class="row-main">${who}</span>
            <${Button} kind="small" disabled=${action.busy} label=${T.ignored.undoOf(who)} onClick=${() => undo(who)}>${T.ignored.undo}<//>
          </li>`,
      )}
    </ul>`;
}

const TABS = { enrolled: null, strangers: Strangers, ignored: Ignored };

export function People() {
  const { name, query } = useStore(route);
  const changed = useStore(changes);
  const [adding, setAdding] = useState(false);
  const people = useLoaded(() => get("/api/people"), [changed], 15000);
  if (name) return html`<${Person} key=${name} name=${name} people=${people.data ?? []} />`;
  const tab = query.get("tab") in TABS ? query.get("tab") : "enrolled";
  const Shown = TABS[tab];
  return html`<div>
    <${Heading} title=${T.views.people} detail=${people.data && T.people.summary(people.data.length)}>
      <${Button} icon="plus" kind="primary" onClick=${() => setAdding(true)}>${T.people.add}<//>
    <//>
    <nav class="tabs" aria-label=${T.people.tabs}>
      ${Object.keys(TABS).map(
        (each) =>
          html`<a
            key=${each}
            class=${`tab ${each === tab ? "tab-on" : ""}`}
            aria-current=${each === tab ? "page" : undefined}
            href=${linkTo("people", null, { tab: each })}
            >${T.people.tab[each]}</a
          >`,
      )}
    </nav>
    <${Notice}>${people.fault?.message}<//>
    ${Shown ? html`<${Shown} />` : people.data && html`<${Enrolled} people=${people.data} />`}
    ${adding && html`<${AddPerson} onClose=${() => setAdding(false)} />`}
  </div>`;
}
