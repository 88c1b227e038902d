// The page: its frame, the view that the address names, and the form for the token.

import { away, get, locked, login } from "/static/api.js";
import * as events from "/static/events.js";
import { Gallery } from "/static/gallery.js";
import { Health } from "/static/health.js";
import { History } from "/static/history.js";
import { Icon } from "/static/icons.js";
import { takeUp } from "/static/jobs.js";
import { Live } from "/static/live.js";
import { Field, Notice, useAction } from "/static/parts.js";
import { People } from "/static/people.js";
import { connection } from "/static/pictures.js";
import { html, render, useEffect, useRef, useState } from "/static/preact.js";
import { Setup } from "/static/setup.js";
import { linkTo, refresh, route, useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { Toasts } from "/static/toasts.js";

const VIEWS = { live: Live, people: People, history: History, gallery: Gallery, health: Health, setup: Setup };
const IN_MENU = ["live", "people", "history", "gallery", "health"];

function Brand() {
  return html`<a class="brand" href="#/live">
    <img src="/static/icon.svg" alt="" width="30" height="30" /><span>facestream</span>
  </a>`;
}

function Menu({ view }) {
  const state = useStore(connection);
  const gone = useStore(away);
  const word = gone ? T.connection.away : T.connection[state];
  return html`<nav class="menu" aria-label=${T.menu}>
    <${Brand} />
    <ul>
      ${IN_MENU.map(
        (each) =>
          html`<li key=${each}>
            <a href=${linkTo(each)} class="menu-link" aria-current=${each === view ? "page" : undefined}>
              <${Icon} name=${each} /><span>${T.views[each]}</span>
            </a>
          </li>`,
      )}
    </ul>
    <p class="menu-foot" role="status">
      <span class=${`dot ${gone || state === "waiting" ? "dot-warn" : "dot-good"}`} aria-hidden="true"></span>${word}
    </p>
  </nav>`;
}

function Login() {
  const [token, setToken] = useState("");
  const { busy, fault, run } = useAction();
  const submit = (event) => {
    event.preventDefault();
    run(() => login(token.trim()));
  };
  return html`<main class="login">
    <form class="card stack" onSubmit=${submit}>
      <${Brand} />
      <h1 tabindex="-1">${T.login.title}</h1>
      <p class="detail">${T.login.help}</p>
      <${Field} label=${T.login.token} type="password" autocomplete="current-password" value=${token} required onInput=${(event) => setToken(event.target.value)} />
      <${Notice}>${fault}<//>
      <button class="button primary wide" type="submit" disabled=${busy || !token.trim()}><${Icon} name="lock" /><span>${T.login.open}</span></button>
    </form>
  </main>`;
}

function Page() {
  const { view: asked, name } = useStore(route);
  const view = asked in VIEWS ? asked : "live";
  const main = useRef();
  const opened = useRef(false);
  const Shown = VIEWS[view];
  useEffect(() => {
    document.title = T.title(name ?? T.views[view]);
    // The first view is found by those who came; the focus goes along from then on.
    if (opened.current) main.current.querySelector("h1")?.focus({ preventScroll: true });
    if (opened.current) scrollTo(0, 0);
    opened.current = true;
  }, [view, view === "people" ? name : null]);
  return html`<a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      main.current.focus();
    }}>${T.skip}</a>
    <${Menu} view=${view} />
    <main id="main" class="main" ref=${main} tabindex="-1"><${Shown} key=${view} /></main>
    <${Toasts} />`;
}

function App() {
  const closed = useStore(locked);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    setReady(false);
    if (closed) return undefined;
    let over = false;
    // The first answer says whether a token is needed. Where nobody is enrolled, the page leads to the first name.
    get("/api/setup")
      .then((setup) => {
        if (setup.people === 0 && !location.hash) history.replaceState(null, "", "#/setup");
        refresh();
      })
      .catch(() => {})
      .finally(() => {
        if (over || locked.get()) return;
        setReady(true);
        events.start();
        takeUp();
      });
    return () => {
      over = true;
      events.stop();
    };
  }, [closed]);
  if (closed) return html`<${Login} />`;
  return ready && html`<${Page} />`;
}

document.documentElement.lang = T.language;
render(html`<${App} />`, document.getElementById("page"));
