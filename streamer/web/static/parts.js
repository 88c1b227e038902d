// What several views are made of.

import { Icon } from "/static/icons.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "/static/preact.js";
import { T } from "/static/texts.js";

let counter = 0;

/** Return an id that no other part of the page has. */
export function useId() {
  const [id] = useState(() => `id-${(counter += 1)}`);
  return id;
}

/** A button with words, an icon, or both; `label` names one without words, or says more than they do. */
export function Button({ icon, kind = "", label, children, ...rest }) {
  const bare = !children;
  return html`<button
    type="button"
    ...${rest}
    class=${`button ${kind} ${bare ? "button-bare" : ""}`}
    aria-label=${label}
    title=${bare ? label : undefined}
  >
    ${icon && html`<${Icon} name=${icon} />`} ${children && html`<span>${children}</span>`}
  </button>`;
}

/** The heading of a view; the page puts the focus on it when the view is opened. */
export function Heading({ title, detail, back, children }) {
  return html`<header class="view-head">
    ${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.text}</a>`}
    <div class="view-title">
      <h1 tabindex="-1">${title}</h1>
      ${detail && html`<p class="detail">${detail}</p>`}
    </div>
    ${children && html`<div class="view-actions">${children}</div>`}
  </header>`;
}

/** A window over the page: closed by Escape, by its cross, and by a click beside it. */
export function Dialog({ title, onClose, children, wide = false }) {
  const ref = useRef();
  const id = useId();
  // Before what is inside asks for the focus, which a window takes when it is shown.
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const beside = (event) => event.target === ref.current && onClose();
  return html`<dialog
    ref=${ref}
    class=${wide ? "dialog dialog-wide" : "dialog"}
    aria-labelledby=${id}
    onClose=${onClose}
    onMouseDown=${beside}
  >
    <div class="dialog-body">
      <header class="dialog-head">
        <h2 id=${id} tabindex="-1" autofocus>${title}</h2>
        <${Button} icon="close" kind="quiet" label=${T.close} onClick=${onClose} />
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** A line about something that is not as it should be. */
export function Notice({ kind = "bad", children, action }) {
  if (!children) return null;
  return html`<div class=${`notice notice-${kind}`} role=${kind === "bad" ? "alert" : "status"}>
    <${Icon} name=${kind === "good" ? "check" : "alert"} />
    <p>${children}</p>
    ${action}
  </div>`;
}

/** What stands where there is nothing yet: what it would be, and how to get there. */
export function Empty({ icon, title, children }) {
  return html`<div class="empty">
    <${Icon} name=${icon} large />
    <p class="empty-title">${title}</p>
    ${children && html`<p class="empty-text">${children}</p>`}
  </div>`;
}

/** A round picture of somebody, or the first letter of their name; of a stranger, whose name is null, "?". */
export function Portrait({ name, url, size = "" }) {
  const [broken, setBroken] = useState(null);
  const shown = url && broken !== url;
  return html`<span class=${`portrait ${size} ${name ? "" : "unknown"}`} aria-hidden="true">
    ${shown
      ? html`<img src=${url} alt="" loading="lazy" onError=${() => setBroken(url)} />`
      : html`<span>${[...(name ?? "")].find((letter) => letter.trim())?.toUpperCase() ?? "?"}</span>`}
  </span>`;
}

/** A field with its label above it, and a line of help below. */
export function Field({ label, help, children, ...rest }) {
  const id = useId();
  const described = help ? `${id}-help` : undefined;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children
      ? html`<select id=${id} aria-describedby=${described} ...${rest}>
          ${children}
        </select>`
      : html`<input id=${id} type="text" autocomplete="off" aria-describedby=${described} ...${rest} />`}
    ${help && html`<p class="help" id=${described}>${help}</p>`}
  </div>`;
}

/** A place for pictures: dropped, chosen, or taken with the phone's camera. */
export function Pictures({ files, onFiles, several = true }) {
  const [over, setOver] = useState(false);
  const chosen = useRef();
  const taken = useRef();
  const take = (list) => {
    const pictures = [...list].filter((file) => file.type.startsWith("image/") || !file.type);
    if (pictures.length) onFiles(several ? [...files, ...pictures] : pictures.slice(0, 1));
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  const hover = (event, on) => {
    event.preventDefault();
    setOver(on);
  };
  const input = (ref, more) =>
    html`<input
      ref=${ref}
      hidden
      type="file"
      accept="image/*"
      ...${more}
      onChange=${(event) => {
        take(event.target.files);
        event.target.value = "";
      }}
    />`;
  return html`<div
    class=${over ? "drop drop-over" : "drop"}
    onDragOver=${(event) => hover(event, true)}
    onDragLeave=${(event) => hover(event, false)}
    onDrop=${drop}
  >
    ${files.length > 0 &&
    html`<ul class="drop-files">
      ${files.map(
        (file) =>
          html`<li key=${file.name + file.lastModified}>
            <${Thumb} file=${file} />
            <${Button}
              icon="close"
              kind="quiet small"
              label=${T.upload.remove(file.name)}
              onClick=${() => onFiles(files.filter((each) => each !== file))}
            />
          </li>`,
      )}
    </ul>`}
    <div class="drop-call">
      ${files.length === 0 && html`<${Icon} name="photo" large />`}
      <p>${several ? T.upload.several : T.upload.one}</p>
      <div class="row">
        <${Button} icon="upload" onClick=${() => chosen.current.click()}>${T.upload.choose}<//>
        <${Button} icon="photo" onClick=${() => taken.current.click()}>${T.upload.camera}<//>
      </div>
    </div>
    ${input(chosen, { multiple: several })}
    ${input(taken, { capture: "user" })}
  </div>`;
}

/** A file's picture, small; drawn, so that the page needs no address for it. */
function Thumb({ file }) {
  const ref = useRef();
  useEffect(() => {
    let over = false;
    createImageBitmap(file, { resizeHeight: 144 })
      .then((bitmap) => {
        if (!over && ref.current) drawCover(ref.current, bitmap);
        bitmap.close();
      })
      .catch(() => {});
    return () => (over = true);
  }, [file]);
  return html`<canvas ref=${ref} class="thumb" width="144" height="144" role="img" aria-label=${file.name}></canvas>`;
}

/** Draw a picture so that it fills a canvas. */
export function drawCover(canvas, source) {
  const scale = Math.max(canvas.width / source.width, canvas.height / source.height);
  const [width, height] = [source.width * scale, source.height * scale];
  const context = canvas.getContext("2d");
  context.drawImage(source, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

/** Run what a button asks for: {busy, fault, run}. */
export function useAction() {
  const [state, setState] = useState({ busy: false, fault: "" });
  const run = async (action) => {
    setState({ busy: true, fault: "" });
    try {
      await action();
      setState({ busy: false, fault: "" });
    } catch (fault) {
      setState({ busy: false, fault: fault.message });
    }
  };
  return { ...state, run };
}
