// The list of a job's pages. Only the rows in sight are in the document, so that 5,000 pages cost no more than 50.

import { ROUTE, STATUS, make, number } from "./words.js";

const HEIGHT = 40;
const BEYOND = 6;

export class Rail {
  /** `onChoose(index)` is called with a page's index from 0. */
  constructor(box, onChoose) {
    this._box = box;
    this._onChoose = onChoose;
    this._pages = null;
    this._current = null;
    this._inner = make("div", { class: "rail-inner", role: "presentation" });
    box.append(this._inner);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    box.addEventListener("keydown", (event) => this._step(event));
    box.addEventListener("click", (event) => {
      const option = event.target.closest("[data-index]");
      if (option) this._onChoose(Number(option.dataset.index));
    });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  open(pages) {
    this._pages = pages;
    this._current = null;
    this._box.scrollTop = 0;
    this.draw();
  }

  choose(index) {
    this._current = index;
    const top = this._pages.placeOf(index) * HEIGHT;
    const { scrollTop, clientHeight } = this._box;
    if (top < scrollTop) this._box.scrollTop = top;
    else if (top + HEIGHT > scrollTop + clientHeight) this._box.scrollTop = top + HEIGHT - clientHeight;
    this.draw();
  }

  draw() {
    const pages = this._pages;
    if (!pages) return;
    this._inner.style.height = `${pages.length * HEIGHT}px`;
    const first = Math.max(0, Math.floor(this._box.scrollTop / HEIGHT) - BEYOND);
    const stop = Math.min(pages.length, Math.ceil((this._box.scrollTop + this._box.clientHeight) / HEIGHT) + BEYOND);
    const rows = [];
    for (let place = first; place < stop; place += 1) rows.push(this._option(place));
    this._inner.replaceChildren(...rows);
    const active = pages.placeOf(this._current);
    if (active >= first && active < stop) this._box.setAttribute("aria-activedescendant", `page-${active}`);
    else this._box.removeAttribute("aria-activedescendant");
  }

  _option(place) {
    const index = this._pages.indexAt(place);
    const page = this._pages.summary(index);
    const [status, tone] = page ? (STATUS[page.status] ?? [page.status, "none"]) : ["Waiting", "waiting"];
    const name = page?.covers > 1 ? `${number(index + 1)}–${number(index + page.covers)}` : number(index + 1);
    const isPlain = page?.status === "ok";
    const words = isPlain ? (ROUTE[page.route]?.[1] ?? "read") : status.toLowerCase();
    const option = make(
      "div",
      {
        class: `rail-row ${tone}`,
        role: "option",
        id: `page-${place}`,
        "data-index": index,
        "aria-selected": String(index === this._current),
        "aria-setsize": this._pages.length,
        "aria-posinset": place + 1,
      },
      make("span", { class: "visually-hidden" }, "Page "),
      make("span", { class: "rail-number" }, name),
      make("span", { class: "dot" }),
      make("span", { class: "rail-words" }, words),
    );
    option.style.transform = `translateY(${place * HEIGHT}px)`;
    return option;
  }

  _step(event) {
    const here = this._pages.placeOf(this._current);
    const sight = Math.max(1, Math.floor(this._box.clientHeight / HEIGHT) - 1);
    const last = this._pages.length - 1;
    const steps = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + sight, PageUp: here - sight, Home: 0, End: last };
    const to = steps[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this._onChoose(this._pages.indexAt(Math.max(0, Math.min(last, to))));
  }
}
