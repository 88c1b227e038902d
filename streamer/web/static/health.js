// Health: how fast it goes, what was lost and why, and the account of every stage.

import { get } from "/static/api.js";
import { Icon } from "/static/icons.js";
import { Empty, Heading, Notice } from "/static/parts.js";
import { html } from "/static/preact.js";
import { useClock, useLoaded } from "/static/store.js";
import { T } from "/static/texts.js";
import { agoOf, count, figure, spanOf } from "/static/times.js";

const EVERY_MS = 2000;
const GOOD_STATES = new Set(["running", "ready", "up", "ended"]);

const ms = (value) => (typeof value === "number" ? T.health.ms(count(value)) : "–");

/** "capture door", or "dispatch" where both are the same. */
const nameOf = ({ role, name }) => (!role || role === name ? name : `${role} ${name}`);

function CameraCard({ camera }) {
  const drops = Object.entries(camera.drops ?? {}).filter(([, lost]) => lost > 0);
  return html`<article class="card health-camera" aria-label=${T.live.camera(camera.name)}>
    <h3><span class="dot ${camera.fps > 0 ? "dot-good" : "dot-warn"}" aria-hidden="true"></span>${camera.name}</h3>
    <dl class="figures">
      <div><dt>${T.health.fps}</dt><dd>${typeof camera.fps === "number" ? figure(camera.fps) : "–"}</dd></div>
      <div><dt>${T.health.half}</dt><dd>${ms(camera.latency_ms_p50)}</dd></div>
      <div><dt>${T.health.most}</dt><dd>${ms(camera.latency_ms_p95)}</dd></div>
    </dl>
    ${drops.length
      ? html`<ul class="detail" aria-label=${T.health.notUsed}>
          ${drops.map(([what, lost]) => {
            const [stage, reason] = what.includes(": ") ? what.split(": ") : ["", what];
            return html`<li key=${what}>${T.health.dropOf(stage, count(lost), T.health.reasons[reason] ?? reason)}</li>`;
          })}
        </ul>`
      : html`<p class="detail">${T.health.noDrops}</p>`}
  </article>`;
}

function Processes({ processes }) {
  const now = useClock();
  return html`<section class="card" aria-labelledby="processes-title">
    <h2 id="processes-title" class="card-title">${T.health.processes}</h2>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="processes-title">
      <table class="table">
        <thead>
          <tr>${["name", "state", "since", "restarts", "cpu"].map((each) => html`<th scope="col" class=${each === "restarts" || each === "cpu" ? "number" : ""}>${T.health.columns[each]}</th>`)}</tr>
        </thead>
        <tbody>
          ${processes.map(
            (process) =>
              html`<tr key=${`${process.role} ${process.name}`}>
                <th scope="row">${nameOf(process)}</th>
                <td><span class=${`state ${GOOD_STATES.has(process.state) ? "state-good" : "state-warn"}`}>
                  <${Icon} name=${GOOD_STATES.has(process.state) ? "check" : "alert"} />${process.state}</span>
                  ${process.fault && html`<p class="detail">${process.fault}</p>`}</td>
                <td class="short">${process.since_utc ? agoOf(process.since_utc, now) : "–"}</td>
                <td class="number">${process.restarts ?? "–"}</td>
                <td class="number">${typeof process.cpu_s === "number" ? spanOf(1000 * process.cpu_s) : "–"}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** Stages as they are published: a list, a map, or a list for each process. */
function stagesOf(account) {
  if (!account) return [];
  const list = Array.isArray(account) ? account : (account.stages ?? Object.entries(account).map(([stage, row]) => ({ stage, ...row })));
  return list.filter((row) => row && typeof row.received === "number");
}

function Account({ account }) {
  const stages = stagesOf(account);
  if (!stages.length) return null;
  return html`<section class="card" aria-labelledby="account-title">
    <h2 id="account-title" class="card-title">${T.health.account}</h2>
    <p class="card-text">${T.health.accountHelp}</p>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="account-title">
      <table class="table">
        <thead>
          <tr>${["stage", "received", "forwarded", "pending", "dropped"].map((each) => html`<th scope="col" class=${each === "stage" || each === "dropped" ? "" : "number"}>${T.health.columns[each]}</th>`)}</tr>
        </thead>
        <tbody>
          ${stages.map((row) => {
            const drops = Object.entries(row.dropped ?? {}).filter(([, lost]) => lost > 0);
            return html`<tr key=${`${row.role ?? ""}${row.name ?? ""}${row.stage}`}>
              <th scope="row">${row.stage}</th>
              <td class="number">${count(row.received)}</td>
              <td class="number">${count(row.forwarded)}</td>
              <td class="number">${count(row.pending)}</td>
              <td>${drops.length
                ? drops.map(([reason, lost]) => T.health.drop(count(lost), T.health.reasons[reason] ?? reason)).join(", ")
                : "–"}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
  </section>`;
}

export function Health() {
  const { data, fault } = useLoaded(() => get("/api/health"), [], EVERY_MS);
  const restarts = (data?.processes ?? []).reduce((sum, process) => sum + (process.restarts ?? 0), 0);
  return html`<div class="stack-wide">
    <${Heading} title=${T.views.health} detail=${data && T.health.summary(data.processes?.length ?? 0, restarts)} />
    <${Notice}>${fault?.message}<//>
    ${data &&
    html`<section aria-labelledby="cameras-title">
        <h2 id="cameras-title" class="part-title">${T.health.cameras}</h2>
        ${(data.cameras ?? []).length === 0 && html`<${Empty} icon="camera" title=${T.live.noCamera} />`}
        <div class="health-cameras">${(data.cameras ?? []).map((camera) => html`<${CameraCard} key=${camera.name} camera=${camera} />`)}</div>
      </section>
      <div class="health-grid">
        <${Processes} processes=${data.processes ?? []} />
        <${Account} account=${data.account} />
      </div>`}
  </div>`;
}
