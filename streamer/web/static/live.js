// Live: all cameras, or one of them large; who is here, and what has just happened.

import { get } from "/static/api.js";
import { Camera } from "/static/camera.js";
import { feed, moves } from "/static/events.js";
import { FaceDialog } from "/static/face.js";
import { Icon } from "/static/icons.js";
import { Button, Empty, Heading, Notice, Portrait } from "/static/parts.js";
import { html, useEffect, useState } from "/static/preact.js";
import { go, linkTo, route, useClock, useLoaded, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { spanOf, timeOf } from "/static/times.js";

const CAMERAS_MS = 5000;
const HERE_MS = 4000;

/** Who is here now and since when, somebody once even where several cameras see them. */
function Here({ here, portraits, onFace }) {
  const now = useClock(5000);
  const rows = new Map();
  for (const row of here ?? []) {
    const who = row.person ?? row.stranger;
    if (!who) continue;
    const old = rows.get(who);
    const cameras = new Set([...(old?.cameras ?? []), row.camera]);
    const since = old && old.since < row.since_utc ? old.since : row.since_utc;
    rows.set(who, { ...row, who, cameras: [...cameras], since });
  }
  const list = [...rows.values()].sort((one, other) => (one.since < other.since ? 1 : -1));
  return html`<section class="card" aria-labelledby="here-title">
    <h2 id="here-title" class="card-title">${T.live.here}<span class="count">${list.length}</span></h2>
    ${list.length === 0 && html`<p class="card-empty">${T.live.hereNobody}</p>`}
    <ul class="rows">
      ${list.map((row) => {
        const inside = html`<${Portrait} name=${row.person} url=${portraits.get(row.person)} />
          <span class="row-main">
            <span class="row-title">${row.who}</span>
            <span class="detail">${T.live.since(row.cameras.join(", "), timeOf(row.since))}</span>
          </span>
          <span class="row-side">${spanOf(now - Date.parse(row.since))}</span>`;
        return html`<li key=${row.who}>
          ${row.person
            ? html`<a class="row-link" href=${linkTo("people", row.person)}>${inside}</a>`
            : html`<button type="button" class="row-link" onClick=${() => onFace(row)}>${inside}</button>`}
        </li>`;
      })}
    </ul>
  </section>`;
}

/** What has happened, the newest first. */
function Feed() {
  const entries = useStore(feed);
  return html`<section class="card card-feed" aria-labelledby="feed-title">
    <h2 id="feed-title" class="card-title">${T.live.events}</h2>
    ${entries?.length === 0 && html`<p class="card-empty">${T.live.eventsNone}</p>`}
    <ol class="feed" tabindex="0" aria-labelledby="feed-title">
      ${(entries ?? []).map(
        (entry) =>
          html`<li key=${entry.key} class=${`feed-row feed-${entry.kind} ${entry.known ? "" : "feed-stranger"}`}>
            <${Icon} name=${entry.kind === "exit" ? "exit" : "enter"} />
            <span class="feed-text">
              <b>${entry.who}</b> ${T.live.did[entry.kind]?.(entry.before) ?? entry.kind} <span class="detail">${entry.camera}</span>
            </span>
            <time class="detail" datetime=${entry.at}>${timeOf(entry.at, true)}</time>
          </li>`,
      )}
    </ol>
  </section>`;
}

export function Live() {
  const { name: chosen } = useStore(route);
  const moved = useStore(moves);
  const [picked, setPicked] = useState(null);
  const cameras = useLoaded(() => get("/api/cameras"), [], CAMERAS_MS);
  const here = useLoaded(() => get("/api/here"), [moved], HERE_MS);
  const people = useLoaded(() => get("/api/people"), []);
  const portraits = new Map((people.data ?? []).map((person) => [person.name, person.crop_url]));
  const all = cameras.data ?? [];
  const one = all.length === 1 ? all[0] : all.find((camera) => camera.name === chosen);
  const nobody = people.data?.length === 0;
  const pick = ({ camera, track, stranger, score }) =>
    setPicked({ camera, face: { track, name: null, stranger, score }, crop: null });
  useEffect(() => {
    if (chosen && cameras.data && !one) go("live");
  }, [chosen, cameras.data]);

  return html`<div class="live">
    <${Heading} title=${T.views.live} detail=${cameras.data && T.live.summary(all.length)}>
      ${nobody && html`<a class="button primary" href="#/setup"><span>${T.live.begin}</span></a>`}
      <a class="button" href="#/setup"><${Icon} name="plus" /><span>${T.live.addCamera}</span></a>
    <//>
    <${Notice}>${cameras.fault?.message}<//>
    <div class="live-grid">
      <div class="live-cameras">
        ${cameras.data && all.length === 0 &&
        html`<${Empty} icon="camera" title=${T.live.noCamera}><a href="#/setup">${T.live.noCameraHow}</a><//>`}
        ${one && all.length > 1 &&
        html`<nav class="camera-tabs" aria-label=${T.live.cameras}>
          <${Button} icon="back" onClick=${() => go("live")}>${T.live.all}<//>
          ${all.map(
            (camera) =>
              html`<a
                key=${camera.name}
                class=${`tab ${camera.name === one.name ? "tab-on" : ""}`}
                aria-current=${camera.name === one.name ? "true" : undefined}
                href=${linkTo("live", camera.name)}
                >${camera.name}</a
              >`,
          )}
        </nav>`}
        ${one
          ? html`<${Camera} key=${`large ${one.name}`} camera=${one} large onFace=${setPicked} />`
          : html`<div class=${`cameras cameras-${Math.min(all.length, 9)}`}>
              ${all.map(
                (camera) =>
                  html`<${Camera}
                    key=${camera.name}
                    camera=${camera}
                    onFace=${setPicked}
                    onLarge=${() => go("live", camera.name)}
                  />`,
              )}
            </div>`}
      </div>
      <aside class="live-side" aria-label=${T.live.side}>
        <${Here} here=${here.data} portraits=${portraits} onFace=${pick} />
        <${Feed} />
      </aside>
    </div>
    ${picked && html`<${FaceDialog} ...${picked} onClose=${() => setPicked(null)} />`}
  </div>`;
}
