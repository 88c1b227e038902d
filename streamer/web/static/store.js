// Values that views watch, and what the address bar says.

import { useCallback, useEffect, useState } from "/static/preact.js";

/** Keep a value and tell those who watch it when it is set. */
export function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const watcher of [...watchers]) watcher(value);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** Draw a component again whenever a store's value is set. */
export function useStore(kept) {
  const [value, setValue] = useState(kept.get());
  useEffect(() => {
    setValue(() => kept.get());
    return kept.watch((next) => setValue(() => next));
  }, [kept]);
  return value;
}

/** Read "#/people/Zo%C3%AB?x=1" as {view: "people", name: "Zoë", query}. */
function readRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, name] = path.split("/");
  let decoded = null;
  try {
    decoded = name ? decodeURIComponent(name) : null;
  } catch {
    // Not an address of ours; the view shows its list.
  }
  return { view: view || "live", name: decoded, query: new URLSearchParams(query || "") };
}

export const route = store(readRoute());

/** Read the address again. */
export const refresh = () => route.set(readRoute());
addEventListener("hashchange", refresh);

/** Return the address of a view, of somebody or something in it. */
export function linkTo(view, name, query) {
  const tail = name ? `/${encodeURIComponent(name)}` : "";
  const asked = query ? `?${new URLSearchParams(query)}` : "";
  return `#/${view}${tail}${asked}`;
}

/** Go to a view. */
export function go(view, name, query) {
  location.hash = linkTo(view, name, query);
}

/** Say what the time is, again and again, so that "4 min" becomes "5 min". */
export function useClock(everyMs = 15000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** Ask `load` now, when anything of `on` changes, and every `everyMs` where that is above 0. */
export function useLoaded(load, on, everyMs = 0) {
  const [state, setState] = useState({ data: null, fault: null, loading: true });
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((count) => count + 1), []);
  useEffect(() => {
    let over = false;
    let timer = 0;
    const ask = async () => {
      try {
        const data = await load();
        if (!over) setState({ data, fault: null, loading: false });
      } catch (fault) {
        if (!over) setState((old) => ({ data: old.data, fault, loading: false }));
      }
      if (!over && everyMs > 0) timer = setTimeout(ask, everyMs);
    };
    ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [...on, turn]);
  return { ...state, again };
}
