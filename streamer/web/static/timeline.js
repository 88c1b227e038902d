// Visits as bars over time, a lane for each person or camera: for the eye, and the mouse.
// The list below it has the same visits for the keyboard and for screen readers.

import { html, useEffect, useMemo, useRef } from "/static/preact.js";
import { T } from "/static/texts.js";
import { dayOf, spanOf, timeOf } from "/static/times.js";

const LANES = 20;
const HUES = 6;
const LEAST_SHARE = 0.004;
const STEPS_MS = [60e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 2 * 3600e3, 4 * 3600e3, 6 * 3600e3, 86400e3, 2 * 86400e3, 7 * 86400e3];
const TICKS = 7;

const whoOf = (visit) => visit.person ?? visit.stranger ?? "?";

/** The times at which lines are drawn: round ones, about seven. */
function ticksOf(from, until) {
  const step = STEPS_MS.find((each) => (until - from) / each <= TICKS) ?? STEPS_MS.at(-1);
  const zone = new Date(until).getTimezoneOffset() * 60e3;
  const ticks = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at < until; at += step) ticks.push(at);
  return { ticks, byDay: step >= 86400e3 };
}

/** Put a bar at its place; the page's policy allows no style in the markup. */
function Bar({ visit, left, width, hue, label, onClick }) {
  const ref = useRef();
  useEffect(() => {
    ref.current.style.left = `${100 * left}%`;
    ref.current.style.width = `${100 * width}%`;
  }, [left, width]);
  const open = visit.exit_utc ? "" : " span-open";
  const stranger = visit.person ? "" : " span-stranger";
  return html`<button ref=${ref} type="button" tabindex="-1" class=${`span hue-${hue}${open}${stranger}`} title=${label} onClick=${onClick}></button>`;
}

function Tick({ at, left, byDay }) {
  const ref = useRef();
  useEffect(() => {
    ref.current.style.left = `${100 * left}%`;
  }, [left]);
  const utc = new Date(at).toISOString();
  return html`<span ref=${ref} class="tick"><span>${byDay ? dayOf(utc) : timeOf(utc).split(", ").at(-1)}</span></span>`;
}

/** by: "person" or "camera", what has a lane; the other has a colour. span: at most so many ms are shown. */
export function Timeline({ visits, by, span, now, onVisit }) {
  const laneOf = by === "person" ? whoOf : (visit) => visit.camera;
  const hueOf = by === "person" ? (visit) => visit.camera : whoOf;
  const lanes = useMemo(() => {
    const found = new Map();
    for (const visit of visits) {
      const lane = laneOf(visit);
      if (!found.has(lane)) found.set(lane, []);
      found.get(lane).push(visit);
    }
    return [...found].slice(0, LANES);
  }, [visits, by]);
  const hues = [...new Set(visits.map(hueOf))].sort();
  const first = Math.min(...visits.map((visit) => Date.parse(visit.enter_utc)));
  // A day with visits of the last ten minutes alone shows these, not an empty day.
  const from = Math.max(now - span, Math.min(first - (now - first) * 0.03, now - 120e3));
  const whole = now - from;
  const { ticks, byDay } = ticksOf(from, now);
  return html`<div class="timeline card" aria-hidden="true">
    <div class="timeline-lanes">
    <div class="timeline-scale">
      ${ticks.map((at) => html`<${Tick} key=${at} at=${at} left=${(at - from) / whole} byDay=${byDay} />`)}
    </div>
    <ul class="lanes">
      ${lanes.map(
        ([lane, spans]) =>
          html`<li key=${lane} class="lane">
            <span class="lane-name">${lane}</span>
            <div class="lane-spans">
              ${spans.map((visit) => {
                const enter = Math.max(from, Date.parse(visit.enter_utc));
                const exit = visit.exit_utc ? Date.parse(visit.exit_utc) : now;
                const share = Math.max(LEAST_SHARE, (exit - enter) / whole);
                return html`<${Bar}
                  key=${`${visit.event ?? visit.id}`}
                  visit=${visit}
                  left=${Math.min((enter - from) / whole, 1 - share)}
                  width=${share}
                  hue=${hues.indexOf(hueOf(visit)) % HUES}
                  label=${T.history.bar(whoOf(visit), visit.camera, timeOf(visit.enter_utc), spanOf(exit - Date.parse(visit.enter_utc)))}
                  onClick=${() => onVisit(visit)}
                />`;
              })}
            </div>
          </li>`,
      )}
    </ul>
    </div>
    ${hues.length > 1 &&
    html`<ul class="legend">
      ${hues.slice(0, HUES).map((hue, at) => html`<li key=${hue}><span class=${`swatch hue-${at}`}></span>${hue}</li>`)}
    </ul>`}
  </div>`;
}
