// Where everything is put together: the fragment says what is shown (#JOB or #JOB/PAGE), keys turn pages.

import { JobView } from "./job.js";
import { openKeyDialog } from "./key.js";
import { Start } from "./start.js";

const find = (id) => document.getElementById(id);

/** The last document that was sent from here, so that it can be sent again with a password. */
let sent = null;

const view = new JobView({
  onPlace: (id, number) => history.replaceState(null, "", `#${id}${number > 1 ? `/${number}` : ""}`),
  onRetry: (password) => start.send(sent.file, { pages: sent.pages, password }),
  onGone: () => (location.hash = ""),
  sentAs: (id) => (sent?.id === id ? sent : null),
});

const start = new Start((job, file, fields) => {
  sent = { id: job.id, file, ...fields };
  location.hash = job.id;
});

function show(section) {
  find("start").hidden = section !== "start";
  find("job").hidden = section !== "job";
  document.body.dataset.view = section;
}

function route() {
  const [, id, place] = location.hash.match(/^#([0-9a-f]{32})(?:\/(\d{1,7}))?$/) ?? [];
  if (!id) {
    view.close();
    document.title = "omnipipe";
    show("start");
    start.showRecent();
    return;
  }
  start.stop();
  show("job");
  if (view.id === id) {
    if (place) view.go(Number(place) - 1);
    return;
  }
  view.open(id, place ? Number(place) : null);
  find("main").focus({ preventScroll: true });
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (find("key").open || find("job").hidden) return;
  if (event.key === "Escape") {
    view.letGo();
    return;
  }
  const isTyping = event.target.matches?.("input:not([type=checkbox]), textarea, select");
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by || isTyping) return;
  event.preventDefault();
  view.step(by);
}

openKeyDialog(route);
window.addEventListener("hashchange", route);
document.addEventListener("keydown", onKey);
find("again").addEventListener("click", () => (location.hash = ""));
find("home").addEventListener("click", (event) => {
  event.preventDefault();
  location.hash = "";
});
find("skip").addEventListener("click", (event) => {
  // The fragment names the job; a jump within the page must not change it.
  event.preventDefault();
  find("main").focus();
});
route();
