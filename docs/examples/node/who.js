// Print who comes and goes.
//
// npm ci
// node who.js ipc:///home/me/facestream/var/run/events

import { decode } from "@msgpack/msgpack";
import { Subscriber } from "zeromq";

function sayWhatChanged(camera, before, now) {
  for (const [visit, who] of before) {
    if (!now.has(visit)) console.log(`${camera}: ${who} goes`);
    else if (now.get(visit) !== who) console.log(`${camera}: ${who} is ${now.get(visit)}`);
  }
  for (const [visit, who] of now) {
    if (!before.has(visit)) console.log(`${camera}: ${who} comes`);
  }
}

const tracks = new Map(); // of each camera: track to visit and person
const shown = new Map(); // of each camera: visit to person

// Over tcp, with a key: new Subscriber({ curvePublicKey, curveSecretKey, curveServerKey })
const socket = new Subscriber({ receiveHighWaterMark: 1000 });
socket.connect(process.argv[2]);
socket.subscribe("identity/", "presence/");

for await (const [, header] of socket) {
  const event = decode(header);
  if (event.v !== 2) continue;
  let here = tracks.get(event.camera) ?? new Map();
  const add = (one) => here.set(one.track, [one.visit, one.identity ?? one.stranger]);
  if (event.type === "PresenceEvent") {
    here = new Map(); // everybody: heals what was lost on the way
    event.present.forEach(add);
  } else if (event.type === "IdentityEvent") {
    if (event.event === "exit") here.delete(event.track);
    else add(event);
  } else {
    continue;
  }
  tracks.set(event.camera, here);
  const now = new Map(here.values()); // a visit goes on while one of its tracks does
  sayWhatChanged(event.camera, shown.get(event.camera) ?? new Map(), now);
  shown.set(event.camera, now);
}
