// Changes that take a while: asked for, followed, cancelled, asked for again.

import { get, personPath, post, postFiles } from "/static/api.js";
import { moves, touch } from "/static/events.js";
import { store } from "/static/store.js";

const OVER = new Set(["done", "failed", "cancelled", "lost"]);
const WAIT_MS = 2000;
const READ_MS = 9000;
const NAMES_KEPT_MS = 3600e3;

/** Jobs that are shown: {...the server's Job, title data, over, again, fault}; newest last. */
export const jobs = store([]);

export const isOver = (job) => OVER.has(job.state);
const mine = new Set();

function put(job) {
  const others = jobs.get();
  const at = others.findIndex((each) => each.job === job.job);
  jobs.set(at < 0 ? [...others, job] : others.map((each, index) => (index === at ? { ...each, ...job } : each)));
}

/** Take a job off the page; it goes on where it has not ended. */
export function dismiss(job) {
  jobs.set(jobs.get().filter((each) => each.job !== job.job));
}

/** Have a job be shown by its view alone, not in the corner as well. */
export const embed = (job) => put({ ...job, embedded: true });

/** End a job at its next step. */
export async function cancel(job) {
  try {
    put(await post(`/api/jobs/${encodeURIComponent(job.job)}/cancel`));
  } catch (fault) {
    put({ ...job, fault: fault.message });
  }
}

/** Ask the server how far a job is until it is over. Returns the job as it ended. */
async function follow(job) {
  let newest = job;
  while (!isOver(newest)) {
    try {
      const path = `/api/jobs/${encodeURIComponent(job.job)}`;
      newest = await get(path, { seen: newest.revision, wait_ms: WAIT_MS });
    } catch (fault) {
      if (fault.status === 404) {
        newest = { ...newest, state: "lost", fault: fault.message };
      } else {
        await new Promise((wake) => setTimeout(wake, WAIT_MS));
      }
    }
    put(newest);
  }
  touch();
  moves.set(moves.get() + 1);
  // What warns stays until it was read; that a crop is aside was asked for.
  const warns = (newest.warnings ?? []).length > 0 && newest.kind !== "SetAside";
  if (newest.state === "done" && !warns) {
    setTimeout(() => dismiss(newest), READ_MS);
  }
  return newest;
}

/**
 * Ask for a change; `ask(extra)` posts it and answers with its job. Returns {job, ended}, of
 * which `ended` is a promise. Throws a Fault where it is refused at once.
 */
async function begin(ask, about, again = null) {
  const job = await ask();
  mine.add(job.job);
  put({ ...job, about, again });
  return { job, ended: follow(job) };
}

function enrolling(person, send) {
  const ask = (name, extra) => begin(() => send(name, extra), { person: name }, (next, more) => ask(next, more));
  return ask(person, {});
}

/** Enrol from files. */
export const enrolFiles = (person, files) =>
  enrolling(person, (name, extra) => postFiles(personPath(name, "/enrol"), "pictures", files, extra));

/** Enrol from a face that is before a camera now. */
export const enrolTrack = (person, camera, track, more = {}) =>
  enrolling(person, (name, extra) =>
    post(personPath(name, "/enrol-track"), { camera, track, ...more, ...extra }),
  );

/** Enrol a stranger from what was kept. */
export const enrolStranger = (person, stranger) =>
  enrolling(person, (name, extra) => post(personPath(name, "/enrol-stranger"), { stranger, ...extra }));

/** Any other change: a path, its body, and whom it is about. */
export const change = (path, body, about = {}) => begin(() => post(path, body), about);

/** Take up what was under way before this page was opened. */
export async function takeUp() {
  try {
    for (const row of await get("/api/jobs")) {
      if (isOver(row) || mine.has(row.job)) continue;
      if (Date.now() - Date.parse(row.created_utc) > NAMES_KEPT_MS) continue;
      mine.add(row.job);
      const job = await get(`/api/jobs/${encodeURIComponent(row.job)}`);
      put({ ...job, about: { person: job.person } });
      follow(job);
    }
  } catch {
    // They are shown once the server answers, when the page is opened again.
  }
}
