// What people read: states and numbers in words, and the live region that is read aloud.

export const STATUS = {
  ok: ["Read", "good"],
  fallback: ["Read by a fallback", "fair"],
  blank: ["Blank", "none"],
  skipped: ["Skipped", "none"],
  failed: ["Failed", "bad"],
};

/** The way that a page's text came to be: for a sentence, and as a name. */
export const ROUTE = {
  text_layer: ["from the text layer", "text layer"],
  ocr: ["by OCR", "OCR"],
  vlm: ["by a vision model", "vision model"],
};

const JOB = { queued: "Waiting for its turn", running: "Reading", done: "Done", cancelled: "Cancelled" };

export const number = (value) => value.toLocaleString("en-GB");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export function bytes(size) {
  if (size < 1000) return plural(size, "byte");
  const units = ["kB", "MB", "GB"];
  let value = size / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value.toPrecision(value < 10 ? 2 : 3).replace(/\.0$/, "")} ${units[0]}`;
}

export function when(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** One line about a job: how far it is, and what became of its pages. */
export function jobLine(job, pages) {
  const { num_rows: read, expected } = pages;
  const counts = Object.entries(pages.counts)
    .filter(([status, count]) => count && status !== "ok")
    .map(([status, count]) => `${number(count)} ${STATUS[status]?.[0].toLowerCase() ?? status}`);
  const of = expected && job.state !== "done" ? ` of ${number(expected)}` : "";
  const head = JOB[job.state] ?? job.state;
  const parts = [read || job.state === "done" ? `${head}: ${number(read)}${of} ${read === 1 && !of ? "page" : "pages"}` : head];
  if (job.state === "cancelled" && job.reason) parts[0] += ` (${job.reason})`;
  return [...parts, ...counts, bytes(job.size)].join(" · ");
}

let waiting = null;
let saidAt = 0;

/** Have `text` read aloud; of many in a row only the last, at most one every two seconds. */
export function say(text) {
  clearTimeout(waiting);
  const tell = () => {
    saidAt = Date.now();
    document.getElementById("live").textContent = text;
  };
  waiting = setTimeout(tell, Math.max(50, 2000 - (Date.now() - saidAt)));
}

/** An element with attributes, texts and children. `text` is never HTML. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A box that says what is wrong, read aloud at once; with buttons where something can be done. */
export function notice(message, { title = null, kind = "bad", actions = [] } = {}) {
  const buttons = actions.length ? make("p", { class: "notice-actions" }, ...actions) : null;
  return make(
    "div",
    { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" },
    title ? make("p", { class: "notice-title" }, title) : null,
    make("p", {}, message),
    buttons,
  );
}
