// Everything that is asked of the server by HTTP.

import { store } from "/static/store.js";
import { T } from "/static/texts.js";

const JSON_TYPE = "application/json";

/** Something that the server refused, in its own one line. */
export class Fault extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

/** True while the server wants a token first. */
export const locked = store(false);
/** True while the server does not answer at all. */
export const away = store(false);

async function faultOf(answer) {
  try {
    const told = await answer.json();
    if (typeof told.error === "string") return new Fault(told.error, answer.status);
  } catch {
    // Not from our server, or cut off: the status has to do.
  }
  return new Fault(T.faults.status(answer.status), answer.status);
}

/** Send a request; return the answer where it is good, or throw a Fault. */
async function send(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    away.set(true);
    throw new Fault(T.faults.away, 0);
  }
  away.set(false);
  if (answer.status === 401 && path !== "/login") locked.set(true);
  if (!answer.ok) throw await faultOf(answer);
  return answer;
}

/** Get JSON. Keys of `query` that are empty are left out. */
export async function get(path, query = {}) {
  const asked = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") asked.set(key, value);
  }
  const tail = asked.size ? `?${asked}` : "";
  return (await send(path + tail, { headers: { Accept: JSON_TYPE } })).json();
}

/** Ask for a change, with JSON. */
export async function post(path, body = {}) {
  const headers = {
    Accept: JSON_TYPE,
    "Content-Type": JSON_TYPE,
    "X-Requested-With": "facestream",
  };
  const answer = await send(path, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

/** Ask for a change, with files and a few words. */
export async function postFiles(path, field, files, words = {}) {
  const form = new FormData();
  for (const [key, value] of Object.entries(words)) form.append(key, String(value));
  for (const file of files) form.append(field, file, file.name);
  const headers = { Accept: JSON_TYPE, "X-Requested-With": "facestream" };
  return (await send(path, { method: "POST", headers, body: form })).json();
}

/** True where a page of that address is there. */
export async function exists(path) {
  const aborted = new AbortController();
  try {
    await send(path, { signal: aborted.signal });
    return true;
  } catch {
    return false;
  } finally {
    aborted.abort();
  }
}

/** Give the token; throws a Fault where it is not the right one. */
export async function login(token) {
  await post("/login", { token });
  locked.set(false);
}

/** Return the address of somebody's part of the API. */
export const personPath = (name, rest = "") => `/api/people/${encodeURIComponent(name)}${rest}`;
