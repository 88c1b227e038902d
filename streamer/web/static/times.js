// Times and shares as people read them.

import { T } from "/static/texts.js";

const LANGUAGE = T.language;
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOnly = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });
const dayYear = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", year: "numeric" });
const share = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });

const MINUTE_MS = 60e3;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function midnight(at) {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** "14:05", with the day before it where that is not today. */
export function timeOf(utc, seconds = false) {
  const at = Date.parse(utc);
  if (Number.isNaN(at)) return T.times.never;
  const time = (seconds ? clockSeconds : clock).format(at);
  const days = Math.round((midnight(Date.now()) - midnight(at)) / DAY_MS);
  if (days === 0) return time;
  if (days === 1) return T.times.yesterday(time);
  return `${dayOf(utc)}, ${time}`;
}

/** "3 May", with the year where it is another one. */
export function dayOf(utc) {
  const at = new Date(utc);
  const format = at.getFullYear() === new Date().getFullYear() ? dayOnly : dayYear;
  return format.format(at);
}

/** "4 min", "2 h 10 min", "3 days": how long something takes. */
export function spanOf(ms) {
  if (ms < MINUTE_MS) return T.times.seconds(Math.max(0, Math.round(ms / 1000)));
  if (ms < HOUR_MS) return T.times.minutes(Math.floor(ms / MINUTE_MS));
  if (ms < DAY_MS) return T.times.hours(Math.floor(ms / HOUR_MS), Math.floor((ms % HOUR_MS) / MINUTE_MS));
  return T.times.days(Math.floor(ms / DAY_MS));
}

/** "4 min ago". */
export function agoOf(utc, now = Date.now()) {
  const ms = now - Date.parse(utc);
  if (Number.isNaN(ms)) return T.times.never;
  return ms < 10e3 ? T.times.now : T.times.ago(spanOf(ms));
}

export const percent = (value) => share.format(value);
export const count = (value) => whole.format(value);
export const figure = (value) => tenth.format(value);
