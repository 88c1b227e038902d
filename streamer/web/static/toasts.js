// Changes under way, in a corner of every view.

import { cancel, dismiss, isOver, jobs } from "/static/jobs.js";
import { Button } from "/static/parts.js";
import { html } from "/static/preact.js";
import { useStore } from "/static/store.js";
import { T } from "/static/texts.js";
import { Icon } from "/static/icons.js";

/** How far a job is: a bar that fills, or moves where there is nothing to count. */
export function Progress({ job, label }) {
  if (job.total > 0) {
    return html`<progress class="bar" max=${job.total} value=${job.done} aria-label=${label}></progress>`;
  }
  return html`<progress class="bar" aria-label=${label}></progress>`;
}

const titleOf = (job) => T.jobs.title(job.kind, job.person || job.about?.person || "", job.about ?? {});
const iconOf = (job) => (job.state === "done" ? "check" : isOver(job) ? "alert" : null);

/** What became of it: the first line, and the rest for those who ask. */
function Lines({ lines }) {
  const [first, ...rest] = lines;
  return html`<p class="job-text">${first}</p>
    ${rest.length > 0 &&
    html`<details class="job-more">
      <summary>${T.jobs.more}</summary>
      ${rest.map((line) => html`<p class="job-text">${line}</p>`)}
    </details>`}`;
}

/** One job: what it does, how far it is, what became of it. */
export function JobCard({ job, closes = true }) {
  const over = isOver(job);
  const who = job.person || job.about?.person || "";
  const title = titleOf(job);
  const icon = iconOf(job);
  const again = (person, extra) => {
    dismiss(job);
    job.again(person, extra).catch(() => {});
  };
  return html`<article class=${`job job-${job.state}`}>
    <div class="job-head">
      ${icon ? html`<${Icon} name=${icon} />` : html`<span class="spinner" aria-hidden="true"></span>`}
      <h3>${title}</h3>
      ${over
        ? closes && html`<${Button} icon="close" kind="quiet small" label=${T.jobs.dismiss(title)} onClick=${() => dismiss(job)} />`
        : html`<${Button} kind="small" label=${T.jobs.cancelOf(title)} onClick=${() => cancel(job)}>${T.cancel}<//>`}
    </div>
    ${!over && html`<${Progress} job=${job} label=${title} />`}
    ${!over && html`<p class="job-text">${job.doing || T.jobs.states[job.state]}</p>`}
    ${over && job.fault && html`<p class="job-text">${job.fault}</p>`}
    ${job.state === "done" && job.lines?.length > 0 && html`<${Lines} lines=${job.lines} />`}
    ${over && (job.warnings ?? []).map((line) => html`<p class="job-text job-warning">${line}</p>`)}
    ${over && job.looks_like && job.again &&
    html`<div class="row">
      <${Button} kind="small" onClick=${() => again(who, { accept_look_alikes: true })}>${T.jobs.another(job.looks_like)}<//>
      <${Button} kind="small" onClick=${() => again(job.looks_like, {})}>${T.jobs.same(job.looks_like)}<//>
    </div>`}
    ${over && job.state === "failed" && !job.looks_like && job.again && job.kind === "EnrolPictures" &&
    html`<div class="row"><${Button} kind="small" onClick=${() => again(who, { force: true })}>${T.jobs.force}<//></div>`}
  </article>`;
}

/** All of them; what becomes of each is read out once, and its steps are not. */
export function Toasts() {
  const shown = useStore(jobs);
  const ended = shown.filter(isOver).at(-1);
  const said = ended && T.jobs.over(titleOf(ended), ended.fault || ended.lines?.[0] || T.jobs.ended[ended.state]);
  return html`<section class="toasts" aria-label=${T.jobs.region}>
    <p class="sr-only" role="status">${said}</p>
    <div class="toast-list">
      ${shown.filter((job) => !job.embedded).slice(-4).map((job) => html`<${JobCard} key=${job.job} job=${job} />`)}
    </div>
  </section>`;
}
