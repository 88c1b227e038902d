// Gallery: its versions with what to expect of them, going back, and what has changed.

import { exists, get } from "/static/api.js";
import { changes } from "/static/events.js";
import { Sure } from "/static/face.js";
import { Icon } from "/static/icons.js";
import { change } from "/static/jobs.js";
import { Button, Dialog, Empty, Heading, Notice, useAction } from "/static/parts.js";
import { html, useState } from "/static/preact.js";
import { useLoaded, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { percent, timeOf } from "/static/times.js";

/** Whose crops differ between two versions. */
function Diff({ older, newer, onClose }) {
  const { data, fault } = useLoaded(() => get("/api/gallery/diff", { old: older, new: newer }), [older, newer]);
  return html`<${Dialog} title=${T.gallery.diffTitle(older, newer)} onClose=${onClose}>
    <${Notice}>${fault?.message}<//>
    ${data?.crops.length === 0 && html`<p>${T.gallery.noDiff}</p>`}
    ${data?.crops.length > 0 &&
    html`<table class="table">
      <thead>
        <tr><th scope="col">${T.gallery.name}</th><th scope="col" class="number">${T.gallery.version(older)}</th>
          <th scope="col" class="number">${T.gallery.version(newer)}</th></tr>
      </thead>
      <tbody>
        ${data.crops.map(
          (row) =>
            html`<tr key=${row.name}><th scope="row">${row.name}</th><td class="number">${row.old}</td><td class="number">${row.new}</td></tr>`,
        )}
      </tbody>
    </table>`}
    ${data && data.total > data.crops.length && html`<p class="detail">${T.gallery.moreDiff(data.total - data.crops.length)}</p>`}
  <//>`;
}

function Version({ version, onDiff, onUse, busy }) {
  const { version: number, parent } = version;
  return html`<li class=${`version ${version.in_use ? "version-used" : ""}`}>
    <div class="version-head">
      <h2>${T.gallery.version(number)}</h2>
      ${version.in_use && html`<span class="tag tag-good">${T.gallery.inUse}</span>`}
      ${version.fault && html`<span class="tag tag-bad">${T.gallery.broken}</span>`}
      <span class="detail">${version.created_utc && timeOf(version.created_utc)}</span>
    </div>
    ${version.fault && html`<p class="detail">${version.fault}</p>`}
    ${!version.fault &&
    html`<dl class="figures">
      <div><dt>${T.gallery.people}</dt><dd>${version.people}</dd></div>
      <div><dt>${T.gallery.crops}</dt><dd>${version.crops}</dd></div>
      <div><dt>${T.gallery.rightly}</dt><dd>${typeof version.named_rightly === "number" ? percent(version.named_rightly) : "–"}</dd></div>
    </dl>`}
    <div class="row">
      ${!version.in_use && !version.fault && html`<${Button} kind="small" disabled=${busy} label=${T.gallery.useOf(number)} onClick=${() => onUse(number)}>${T.gallery.use}<//>`}
      ${parent && !version.fault && html`<${Button} kind="small" label=${T.gallery.changesOf(parent, number)} onClick=${() => onDiff([parent, number])}>${T.gallery.changes(parent)}<//>`}
    </div>
  </li>`;
}

export function Gallery() {
  const changed = useStore(changes);
  const { data, fault } = useLoaded(() => get("/api/gallery"), [changed]);
  const report = useLoaded(() => exists("/api/gallery/report"), [changed]).data;
  const [diff, setDiff] = useState(null);
  const action = useAction();
  const versions = Array.isArray(data) ? data : (data?.versions ?? null);
  const used = versions?.find((version) => version.in_use);
  const use = (version) =>
    action.run(() => change(`/api/gallery/${encodeURIComponent(version)}/activate`, {}, { version }));
  const rollback = () => action.run(() => change("/api/gallery/rollback", {}, {}));
  return html`<div>
    <${Heading} title=${T.views.gallery} detail=${T.gallery.what}>
      ${report && html`<a class="button" href="/api/gallery/report" target="_blank" rel="noopener"><${Icon} name="report" /><span>${T.gallery.report}</span></a>`}
      ${used?.parent && html`<${Sure} icon="rewind" text=${T.gallery.rollback} sure=${T.gallery.rollbackSure(used.parent)} onSure=${rollback} />`}
    <//>
    <${Notice}>${fault?.message ?? action.fault}<//>
    ${versions?.length === 0 && html`<${Empty} icon="gallery" title=${T.gallery.none}><a href="#/setup">${T.people.noneHow}</a><//>`}
    <ul class="versions">
      ${(versions ?? []).map(
        (version) => html`<${Version} key=${version.version} version=${version} onDiff=${setDiff} onUse=${use} busy=${action.busy} />`,
      )}
    </ul>
    ${versions?.length > 0 && report === false && html`<p class="detail">${T.gallery.noReport}</p>`}
    ${diff && html`<${Diff} older=${diff[0]} newer=${diff[1]} onClose=${() => setDiff(null)} />`}
  </div>`;
}
