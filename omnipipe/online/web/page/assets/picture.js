// The picture of a page with the boxes of its blocks and lines over it. Says what is pointed at; marks what it is told.

import { ApiError, pictureOf } from "./api.js";
import { make } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const KEPT = 12;

/** Pictures of a job's pages as addresses of blobs, the last few kept. Fetched by script because that takes the key along. */
export class Pictures {
  constructor(jobId, password) {
    this._jobId = jobId;
    this._password = password;
    this._known = new Map();
  }

  /** The address of page `number`'s picture (from 1). Throws ApiError where there is none. */
  async address(number, signal) {
    const known = this._known.get(number);
    if (known) {
      this._known.delete(number);
      this._known.set(number, known);
      return known;
    }
    const address = URL.createObjectURL(await pictureOf(this._jobId, number, { password: this._password, signal }));
    this._known.set(number, address);
    if (this._known.size > KEPT) {
      const [oldest, old] = this._known.entries().next().value;
      this._known.delete(oldest);
      URL.revokeObjectURL(old);
    }
    return address;
  }

  close() {
    this._known.forEach((address) => URL.revokeObjectURL(address));
    this._known.clear();
  }
}

export class Picture {
  /** `onPoint({block, line} | null)` is called when something is pointed at, or chosen with the arrow keys. */
  constructor(figure, onPoint) {
    this._figure = figure;
    this._onPoint = onPoint;
    this._loading = new AbortController();
    this._row = null;
    this._chosen = null;
  }

  clear() {
    this._loading.abort();
    this._figure.replaceChildren();
    this._row = null;
    this._chosen = null;
  }

  async show(row, pictures) {
    this.clear();
    const loading = (this._loading = new AbortController());
    this._row = row;
    const name = `Picture of page ${row.page_number}. Up and down arrows go through its blocks.`;
    const frame = make("div", { class: "frame loading", tabindex: "0", role: "group", "aria-label": name });
    if (row.width_pt && row.height_pt) frame.style.aspectRatio = `${row.width_pt} / ${row.height_pt}`;
    frame.addEventListener("pointermove", (event) => this._point(event, frame));
    frame.addEventListener("pointerdown", (event) => this._point(event, frame));
    frame.addEventListener("pointerleave", () => this._onPoint(null));
    frame.addEventListener("keydown", (event) => this._step(event));
    // The boxes do not wait for the picture.
    frame.append(this._boxes(row));
    this._figure.append(frame);
    try {
      const address = await pictures.address(row.page_number, loading.signal);
      if (loading.signal.aborted) return;
      const image = make("img", { src: address, alt: `Page ${row.page_number}`, draggable: "false" });
      await image.decode().catch(() => {});
      if (loading.signal.aborted) return;
      if (image.naturalWidth) fit(image, frame, row);
      frame.classList.remove("loading");
      frame.prepend(image);
    } catch (error) {
      if (loading.signal.aborted || error.name === "AbortError") return;
      const why = error instanceof ApiError && error.status ? "There is no picture of this page." : error.message;
      frame.replaceWith(make("p", { class: "no-picture" }, why));
    }
  }

  /** Draw a frame around a block and a line; null takes them away. */
  mark(target) {
    for (const box of this._figure.querySelectorAll(".on")) box.classList.remove("on");
    if (target === null) return;
    this._box("block", target.block)?.classList.add("on");
    const line = this._box("line", target.line);
    line?.classList.add("on");
    this._reveal(target);
  }

  _box(kind, index) {
    return index === null ? null : this._figure.querySelector(`[data-${kind}-box="${index}"]`);
  }

  _boxes(row) {
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", "0 0 1 1");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    for (const kind of ["block", "line"]) {
      row[`${kind}s`].forEach(({ bbox, type }, index) => {
        if (!bbox) return;
        const [x0, y0, x1, y1] = bbox;
        const box = document.createElementNS(SVG, "rect");
        const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
        for (const [name, value] of Object.entries(place)) box.setAttribute(name, value);
        box.setAttribute("class", kind);
        box.setAttribute(`data-${kind}-box`, index);
        if (type) box.setAttribute("data-type", type);
        drawing.append(box);
      });
    }
    return drawing;
  }

  _point(event, frame) {
    const area = frame.getBoundingClientRect();
    const x = (event.clientX - area.left) / area.width;
    const y = (event.clientY - area.top) / area.height;
    const block = smallest(this._row.blocks, x, y);
    const line = smallest(this._row.lines, x, y);
    this._onPoint(block === null && line === null ? null : { block, line });
  }

  _step(event) {
    const kind = this._row.blocks.length ? "block" : "line";
    const last = this._row[`${kind}s`].length - 1;
    const from = this._chosen ?? -1;
    const to = { ArrowDown: from + 1, ArrowUp: from < 0 ? last : from - 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this._chosen = Math.max(0, Math.min(last, to));
    this._onPoint({ block: null, line: null, [kind]: this._chosen }, this._row[`${kind}s`][this._chosen].text);
  }

  /** Forget which block the arrow keys are at. */
  letGo() {
    this._chosen = null;
  }

  _reveal({ block, line }) {
    const box = this._box("line", line) ?? this._box("block", block);
    if (box) scrollWithin(this._figure, box);
  }
}

/** Scroll `pane` alone, and only as far as needed to see `element`. */
export function scrollWithin(pane, element) {
  if (pane.scrollHeight <= pane.clientHeight) return;
  const frame = pane.getBoundingClientRect();
  const place = element.getBoundingClientRect();
  const above = place.top - frame.top - 12;
  const below = place.bottom - frame.bottom + 12;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const by = above < 0 || place.height > frame.height ? above : Math.max(0, below);
  if (by) pane.scrollBy({ top: by, behavior: calm ? "instant" : "smooth" });
}

/** Give `frame` the shape of the upright page, and turn a picture that lies on its side as OCR turned it. */
function fit(image, frame, row) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const isTall = (row.image_height ?? row.height_pt) > (row.image_width ?? row.width_pt);
  const liesDown = row.route === "ocr" && row.rotation_applied % 180 === 90 && width !== height && isTall !== height > width;
  frame.style.aspectRatio = liesDown ? `${height} / ${width}` : `${width} / ${height}`;
  if (!liesDown) return;
  image.classList.add("turned");
  image.style.width = `${(100 * width) / height}%`;
  image.style.height = `${(100 * height) / width}%`;
  image.style.transform = `translate(-50%, -50%) rotate(${row.rotation_applied}deg)`;
}

function smallest(parts, x, y) {
  let best = null;
  let bestArea = Infinity;
  parts.forEach(({ bbox }, index) => {
    if (!bbox) return;
    const [x0, y0, x1, y1] = bbox;
    const area = (x1 - x0) * (y1 - y0);
    if (x >= x0 && x <= x1 && y >= y0 && y <= y1 && area < bestArea) [best, bestArea] = [index, area];
  });
  return best;
}
