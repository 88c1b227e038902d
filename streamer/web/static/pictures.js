// Pictures of all cameras, through one WebSocket.
//
// The server has one picture of a camera under way until it is acknowledged, and keeps the newest
// meanwhile: so each is acknowledged when it has been drawn, and a slow page loses pictures, not time.

import { away, get } from "/static/api.js";
import { store } from "/static/store.js";

const QUALITY = 75;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
const GATHER_MS = 30;
const utf8 = new TextDecoder();

/** "off", "connecting", "open" or "waiting" for the next try. */
export const connection = store("off");

const watchers = new Map(); // camera -> Set of {width, draw}
let socket = null;
let pause = FIRST_PAUSE_MS;
let retry = 0;
let gathering = 0;

/** Draw a camera's pictures: `draw(header, bitmap)` for each; returns what ends it. */
export function watchPictures(camera, width, draw) {
  const watcher = { width, draw };
  if (!watchers.has(camera)) watchers.set(camera, new Set());
  watchers.get(camera).add(watcher);
  changed();
  return () => {
    const left = watchers.get(camera);
    left.delete(watcher);
    if (!left.size) watchers.delete(camera);
    changed();
  };
}

function changed() {
  clearTimeout(gathering);
  gathering = setTimeout(tell, GATHER_MS);
}

/** Open, close or ask for other cameras, as what is watched has changed. */
function tell() {
  if (!watchers.size || document.hidden) {
    clearTimeout(retry);
    socket?.close();
    socket = null;
    connection.set("off");
  } else if (!socket) {
    open();
  } else if (socket.readyState === WebSocket.OPEN) {
    const widths = [...watchers.values()].flatMap((set) => [...set].map((each) => each.width));
    const asked = { cameras: [...watchers.keys()], width: Math.max(...widths), quality: QUALITY };
    socket.send(JSON.stringify(asked));
  }
}

function open() {
  clearTimeout(retry);
  connection.set("connecting");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/ws/live`);
  opened.binaryType = "arraybuffer";
  socket = opened;
  opened.onopen = tell;
  opened.onmessage = (message) => receive(opened, message.data);
  opened.onclose = () => {
    if (socket !== opened) return;
    socket = null;
    connection.set("waiting");
    // Why it was refused, HTTP says better: 401 shows the form for the token.
    get("/api/cameras").catch(() => {});
    retry = setTimeout(tell, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };
}

async function receive(from, data) {
  if (!(data instanceof ArrayBuffer)) return;
  const length = new DataView(data).getUint32(0);
  const header = JSON.parse(utf8.decode(new Uint8Array(data, 4, length)));
  connection.set("open");
  away.set(false);
  pause = FIRST_PAUSE_MS;
  let bitmap = null;
  try {
    const jpeg = new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" });
    bitmap = await createImageBitmap(jpeg);
    for (const watcher of watchers.get(header.camera) ?? []) watcher.draw(header, bitmap);
  } finally {
    bitmap?.close();
    if (from.readyState === WebSocket.OPEN) from.send(JSON.stringify({ ack: header.seq }));
  }
}

document.addEventListener("visibilitychange", tell);
