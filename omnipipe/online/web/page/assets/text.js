// The text of a page, rendered or as its markdown, with its blocks and lines marked and pointed at.

import { segmentsOf, toFragment } from "./markdown.js";
import { scrollWithin } from "./picture.js";
import { make } from "./words.js";

const LETTER = /[\p{L}\p{N}]/u;

export class Text {
  /** `onPoint({block, line} | null)` is called when a word is pointed at. */
  constructor(panel, onPoint) {
    this._panel = panel;
    this._onPoint = onPoint;
    this._lines = [];
    this._places = null;
    panel.addEventListener("pointermove", (event) => this._point(event));
    panel.addEventListener("pointerdown", (event) => this._point(event));
    panel.addEventListener("pointerleave", () => this._onPoint(null));
  }

  clear() {
    this._panel.replaceChildren();
    this._lines = [];
    this._places = null;
    unmark();
  }

  /** Show a row's text: `form` is "text" (rendered), "source" (markdown as it is) or "row" (all columns). */
  show(row, form) {
    this.clear();
    this._panel.scrollTop = 0;
    this._panel.dataset.form = form;
    if (form === "row") return this._panel.append(columnsOf(row));
    if (!row.text) return this._panel.append(make("p", { class: "no-text" }, emptyWords(row)));
    const segments = segmentsOf(row.text, row.blocks);
    const isWhole = row.text_format && row.text_format !== "markdown";
    const parts = segments.map(({ text, block }) => {
      const part = make(form === "source" || isWhole ? "span" : "div", { class: "part" });
      if (block !== null) part.dataset.block = block;
      part.append(form === "source" || isWhole ? text : toFragment(text));
      return part;
    });
    this._panel.append(form === "source" || isWhole ? make("pre", {}, ...parts) : fragmentOf(parts));
    this._lines = row.lines;
  }

  mark(target, { reveal = false } = {}) {
    for (const part of this._panel.querySelectorAll(".on")) part.classList.remove("on");
    unmark();
    if (target === null) return;
    const part = target.block === null ? null : this._panel.querySelector(`[data-block="${target.block}"]`);
    part?.classList.add("on");
    const range = target.line === null ? null : this._placed()[target.line]?.range;
    if (range && window.Highlight) CSS.highlights.set("line", new Highlight(range));
    if (reveal && (range ?? part)) scrollWithin(this._panel, range ?? part);
  }

  _placed() {
    this._places ??= placesOf(this._panel, this._lines);
    return this._places;
  }

  _point(event) {
    const part = event.target.closest?.("[data-block]");
    const block = part ? Number(part.dataset.block) : null;
    const caret = caretAt(event.clientX, event.clientY);
    let line = null;
    if (caret && this._lines.length) {
      const places = this._placed();
      const found = places.findIndex((place) => place?.range.isPointInRange(caret.node, caret.offset));
      line = found < 0 ? null : found;
    }
    this._onPoint(block === null && line === null ? null : { block, line });
  }
}

function unmark() {
  if (window.Highlight) CSS.highlights.delete("line");
}

function fragmentOf(parts) {
  const fragment = document.createDocumentFragment();
  fragment.append(...parts);
  return fragment;
}

function emptyWords(row) {
  if (row.status === "blank") return "The page is blank.";
  return row.status === "ok" ? "There is no text on this page." : "There is no text of this page.";
}

function columnsOf(row) {
  const list = make("dl", { class: "columns" });
  for (const [name, value] of Object.entries(row)) {
    if (["text", "blocks", "lines"].includes(name)) continue;
    const words = value === null ? "–" : Array.isArray(value) ? value.join(", ") || "–" : String(value);
    list.append(make("dt", {}, name), make("dd", { class: value === null ? "unknown" : "" }, words));
  }
  list.append(make("dt", {}, "blocks"), make("dd", {}, String(row.blocks.length)));
  list.append(make("dt", {}, "lines"), make("dd", {}, String(row.lines.length)));
  return list;
}

/**
 * Where each line's words are in the text, as `{range}` or null. Letters and digits are compared alone: the text has
 * lines joined, words made whole, and its markdown taken away.
 */
function placesOf(root, lines) {
  const { letters, spots } = lettersOf(root);
  let cursor = 0;
  return lines.map(({ text }) => {
    const wanted = onlyLetters(text);
    if (!wanted) return null;
    let start = letters.indexOf(wanted, cursor);
    // A few letters far away are another line that happens to read the same.
    if (start < 0 || (start - cursor > 400 && wanted.length < 12)) start = wanted.length < 8 ? -1 : letters.indexOf(wanted);
    if (start < 0) return null;
    cursor = start + wanted.length;
    const range = document.createRange();
    range.setStart(spots[start].node, spots[start].offset);
    const last = spots[cursor - 1];
    range.setEnd(last.node, last.offset + last.width);
    return { range };
  });
}

function lettersOf(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  const spots = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    let offset = 0;
    for (const letter of node.data) {
      if (LETTER.test(letter)) {
        const low = letter.toLowerCase();
        found.push(low);
        for (let unit = 0; unit < low.length; unit += 1) spots.push({ node, offset, width: letter.length });
      }
      offset += letter.length;
    }
  }
  return { letters: found.join(""), spots };
}

const onlyLetters = (text) => [...text].filter((letter) => LETTER.test(letter)).join("").toLowerCase();

function caretAt(x, y) {
  if (document.caretPositionFromPoint) {
    const place = document.caretPositionFromPoint(x, y);
    return place && { node: place.offsetNode, offset: place.offset };
  }
  const range = document.caretRangeFromPoint?.(x, y);
  return range && { node: range.startContainer, offset: range.startOffset };
}
