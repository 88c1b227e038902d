// One camera: its picture, the faces on it, and the same faces as a list of buttons.

import { Icon } from "/static/icons.js";
import { Button } from "/static/parts.js";
import { watchPictures } from "/static/pictures.js";
import { html, useEffect, useRef, useState } from "/static/preact.js";
import { T } from "/static/texts.js";

const WIDEST = 1280;
const SILENT_MS = 4000;
const CROP_MARGIN = 0.35;
const CROP_PX = 192;
const LETTER_PX = 8; // of a name over a face, about
const LABEL_PX = 24;

const kindOf = (face) => (face.name ? "named" : face.stranger ? "stranger" : "undecided");

/** What to call a face: a name, a stranger's number, or that it is being looked at. */
export const wordOf = (face) => face.name ?? face.stranger ?? T.live.undecided;

/** Cut a face out of the picture that is shown, with some room around it. */
function cropOf(canvas, face) {
  const [x, y, width, height] = face.box;
  const side = Math.max(width, height) * (1 + 2 * CROP_MARGIN);
  const crop = document.createElement("canvas");
  crop.width = crop.height = CROP_PX;
  const [left, top] = [x + width / 2 - side / 2, y + height / 2 - side / 2];
  crop.getContext("2d").drawImage(canvas, left, top, side, side, 0, 0, CROP_PX, CROP_PX);
  return crop;
}

/** Put a box with a name over each face of a picture; boxes of faces that left go. */
function placeBoxes(layer, boxes, header, { width: shownPx, onClick, marked }) {
  const there = new Set();
  for (const face of header.faces) {
    there.add(face.track);
    let box = boxes.get(face.track);
    if (!box) {
      box = document.createElement("button");
      box.type = "button";
      box.tabIndex = -1; // the list below the picture has the same faces, in an order
      box.append(document.createElement("span"));
      box.addEventListener("click", (event) => {
        event.stopPropagation();
        onClick(box.face);
      });
      boxes.set(face.track, box);
      layer.append(box);
    }
    box.face = face;
    const [x, y, width, height] = face.box;
    const low = y < header.height * 0.12 ? " low" : "";
    const word = wordOf(face);
    const [before, after] = [(x + width) / header.width, 1 - x / header.width];
    const right = word.length * LETTER_PX + LABEL_PX > shownPx * after && before > after ? " right" : "";
    const kind = `face-box ${kindOf(face)}${low}${right}${face.track === marked ? " marked" : ""}`;
    if (box.className !== kind) box.className = kind;
    if (box.firstChild.textContent !== word) box.firstChild.textContent = word;
    box.style.left = `${(100 * x) / header.width}%`;
    box.style.top = `${(100 * y) / header.height}%`;
    box.style.width = `${(100 * width) / header.width}%`;
    box.style.height = `${(100 * height) / header.height}%`;
  }
  for (const [track, box] of boxes) {
    if (!there.has(track)) {
      box.remove();
      boxes.delete(track);
    }
  }
}

const same = (one, other) =>
  one.length === other.length &&
  one.every((face, at) => face.track === other[at].track && wordOf(face) === wordOf(other[at]));

/**
 * Show a camera. onFace({camera, face, crop}) is called for a face that was chosen; onLarge, where
 * it is there, for the camera itself. onFaces hears of the faces of each picture. marked: the track of
 * a face that stands out, or "" where one can be chosen and none is.
 */
export function Camera({ camera, large = false, onFace, onLarge, onFaces, marked = null }) {
  const stage = useRef();
  const canvas = useRef();
  const layer = useRef();
  const [faces, setFaces] = useState([]);
  const [shown, setShown] = useState(false);
  const handlers = useRef({});
  const newest = useRef([]);
  handlers.current = { onFace, onFaces, marked };

  const choose = (known) => {
    // The list has the face as it was when it came; it has moved since.
    const face = newest.current.find((each) => each.track === known.track) ?? known;
    handlers.current.onFace?.({ camera: camera.name, face, crop: cropOf(canvas.current, face) });
  };

  useEffect(() => {
    const boxes = new Map();
    let known = [];
    let silent = 0;
    const wide = stage.current.clientWidth;
    const width = Math.min(WIDEST, Math.ceil(wide * (devicePixelRatio || 1)));
    const goneSilent = () => {
      setShown(false);
      placeBoxes(layer.current, boxes, { faces: [] }, {});
      setFaces((known = []));
    };
    const draw = (header, bitmap) => {
      const { current } = canvas;
      if (!current) return;
      if (current.width !== bitmap.width || current.height !== bitmap.height) {
        current.width = bitmap.width;
        current.height = bitmap.height;
      }
      current.getContext("2d").drawImage(bitmap, 0, 0);
      const { marked: chosen } = handlers.current;
      placeBoxes(layer.current, boxes, header, { width: wide, onClick: choose, marked: chosen });
      current.dataset.pictures = Number(current.dataset.pictures ?? 0) + 1;
      current.dataset.capturedMs = header.t_ms;
      clearTimeout(silent);
      silent = setTimeout(goneSilent, SILENT_MS);
      setShown(true);

      const sorted = [...header.faces].sort((one, other) => (one.track < other.track ? -1 : 1));
      if (!same(known, sorted)) setFaces(sorted);
      known = sorted;
      newest.current = sorted;
      handlers.current.onFaces?.(sorted);
    };
    const stop = watchPictures(camera.name, Math.max(320, width), draw);
    return () => {
      clearTimeout(silent);
      stop();
    };
  }, [camera.name, large]);

  const running = shown || camera.state === "running" || !camera.state;
  const state = T.live.states[camera.state] ?? camera.state;
  return html`<article class=${`camera ${large ? "camera-large" : ""}`} aria-label=${T.live.camera(camera.name)}>
    <div class="stage" ref=${stage} onClick=${() => onLarge?.()}>
      <canvas
        ref=${canvas}
        width=${camera.width || 1280}
        height=${camera.height || 720}
        role="img"
        aria-label=${T.live.picture(camera.name)}
        data-camera=${camera.name}
      ></canvas>
      <div class="faces" ref=${layer} aria-hidden="true"></div>
      ${!shown &&
      html`<div class="stage-wait">
        ${running && html`<span class="spinner" aria-hidden="true"></span>`}
        <p>${running ? T.live.waiting : state}</p>
      </div>`}
    </div>
    <footer class="camera-foot">
      <div class="camera-name">
        <span class=${`dot ${running && shown ? "dot-good" : "dot-warn"}`} aria-hidden="true"></span>
        <h2>${camera.name}</h2>
        <span class="detail">${running ? T.live.fps(camera.fps) : state}</span>
        ${onLarge && html`<${Button} icon="large" kind="quiet small" label=${T.live.enlarge(camera.name)} onClick=${onLarge} />`}
      </div>
      <ul class="chips" aria-label=${T.live.facesOf(camera.name)}>
        ${faces.map(
          (face) =>
            html`<li key=${face.track}>
              <button
                type="button"
                class=${`chip ${kindOf(face)}`}
                aria-pressed=${marked === null ? undefined : String(face.track === marked)}
                onClick=${() => choose(face)}>
                <${Icon} name="person" />${wordOf(face)}
              </button>
            </li>`,
        )}
        ${!faces.length && html`<li class="detail">${shown ? T.live.nobody : ""}</li>`}
      </ul>
    </footer>
  </article>`;
}
