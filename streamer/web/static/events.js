// Who enters and leaves, as the server sends it; one stream for the whole page.

import { get } from "/static/api.js";
import { store } from "/static/store.js";

const KINDS = ["enter", "update", "exit", "correction", "gallery", "expiry", "lost"];
const KEPT = 80;
const EARLIER = 20;
const LONGEST_PAUSE_MS = 15000;

/** Newest first: {key, kind, who, known, camera, at, before}; null before the first answer. */
export const feed = store(null);
/** Counts what may have changed who is here. */
export const moves = store(0);
/** Counts what may have changed who is enrolled. */
export const changes = store(0);

const tracks = new Map(); // track -> {who, id of the event that said so, which can be corrected}
const MAX_TRACKS = 500;
let source = null;
let pause = 1000;
let retry = 0;

/** Return the id of the event that said who a track is, or null where none was heard. */
export const eventOf = (track) => tracks.get(track)?.id ?? null;

/** Say that who is enrolled may have changed. */
export const touch = () => changes.set(changes.get() + 1);

function add(entries) {
  const known = new Set(entries.map((entry) => entry.key));
  const old = (feed.get() ?? []).filter((entry) => !known.has(entry.key));
  const all = [...entries, ...old].sort((one, other) => (one.at < other.at ? 1 : -1));
  feed.set(all.slice(0, KEPT));
}

function hear(kind, message) {
  let told;
  try {
    told = JSON.parse(message.data);
  } catch {
    return;
  }
  pause = 1000;
  if (kind === "gallery" || kind === "correction" || kind === "lost") touch();
  if (!told.camera || !told.track) return;
  const who = told.identity ?? told.stranger;
  const known = tracks.get(told.track);
  const before = known?.who;
  // The history has what says somebody new, and not every look at a face.
  const id = told.event === "update" && before === who ? known.id : told.id;
  tracks.delete(told.track);
  tracks.set(told.track, { who, id: told.event === "update" && !known ? null : id });
  if (tracks.size > MAX_TRACKS) tracks.delete(tracks.keys().next().value);
  const what = told.event ?? kind;
  // Another look at a face is news only where it changes the name.
  if (!who || (what === "update" && (!before || before === who))) return;
  moves.set(moves.get() + 1);
  add([
    {
      key: `${what} ${told.track} ${who}`,
      kind: what,
      who,
      known: Boolean(told.identity),
      camera: told.camera,
      before: what === "update" ? before : null,
      at: told.captured_utc,
    },
  ]);
}

/** Fill the feed with what the history has, so that it does not begin empty. */
async function recall() {
  try {
    const visits = await get("/api/visits", { limit: EARLIER });
    const entries = [];
    for (const visit of visits) {
      const who = visit.person ?? visit.stranger;
      const common = { who, known: Boolean(visit.person), camera: visit.camera };
      const id = visit.track;
      if (!visit.exit_utc && !tracks.has(id)) tracks.set(id, { who, id: visit.event });
      entries.push({ ...common, key: `enter ${id} ${who}`, kind: "enter", at: visit.enter_utc });
      if (visit.exit_utc) {
        entries.push({ ...common, key: `exit ${id} ${who}`, kind: "exit", at: visit.exit_utc });
      }
    }
    add(entries);
  } catch {
    // Without a history the feed begins with what comes.
    feed.set(feed.get() ?? []);
  }
}

function listen() {
  clearTimeout(retry);
  source?.close();
  source = null;
  if (document.hidden) return;
  recall();
  source = new EventSource("/api/events?updates=true");
  for (const kind of KINDS) source.addEventListener(kind, (message) => hear(kind, message));
  source.onopen = () => moves.set(moves.get() + 1);
  source.onerror = () => {
    // While it is tried again by itself nothing is to be done; once it is given up, we try.
    if (source?.readyState !== EventSource.CLOSED) return;
    get("/api/cameras").catch(() => {});
    retry = setTimeout(listen, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };
}

/** Begin to listen; while nobody sees the page, it does not hold a connection. */
export function start() {
  listen();
  document.addEventListener("visibilitychange", listen);
}

/** End listening, at the sign-in form. */
export function stop() {
  clearTimeout(retry);
  document.removeEventListener("visibilitychange", listen);
  source?.close();
  source = null;
}
