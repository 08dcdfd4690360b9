// A page's markdown as elements. The text is a stranger's: whatever it says, it is text when it gets out of here.

import DOMPurify from "./vendor/dompurify/purify.es.mjs";
import { Marked } from "./vendor/marked/marked.esm.js";

// A line of the page is a line here: `breaks`.
const marked = new Marked({ gfm: true, breaks: true });

const TAGS = (
  "a abbr b blockquote br caption cite code col colgroup dd del details dfn dl dt em figcaption figure h1 h2 h3 h4 h5 h6 " +
  "hr i ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary sup table tbody td tfoot th thead tr u " +
  "ul var div section"
).split(" ");

// No id, name, class or style: a document must not look like the page around it, nor hide the page's own elements.
const RULES = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "title", "colspan", "rowspan", "scope", "start", "lang", "dir"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  // Every other attribute would have to look like an address too.
  ADD_URI_SAFE_ATTR: ["colspan", "rowspan", "scope", "start", "lang", "dir"],
  RETURN_DOM_FRAGMENT: true,
};

const LONGEST = 400_000;

/** Markdown as a fragment without scripts, pictures, forms, styles, or links to anything but the web and mail. */
export function toFragment(text) {
  const html = text.length > LONGEST ? null : marked.parse(pictureNames(text));
  if (html === null) {
    const plain = document.createElement("pre");
    plain.textContent = text;
    const fragment = document.createDocumentFragment();
    fragment.append(plain);
    return fragment;
  }
  const fragment = DOMPurify.sanitize(html, RULES);
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
    link.title = link.getAttribute("href");
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table";
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

// Pictures are not shown, as they would be fetched from elsewhere; what they are called is.
function pictureNames(text) {
  return text.replace(/!\[([^\]\n]{0,300})\]\([^)\n]{0,2000}\)/g, (_, name) => (name ? `*[${name}]*` : ""));
}

/**
 * A page's text cut where its blocks are, in order: `{text, block}`, `block` the index or null between blocks.
 * Blocks whose text is not found stay out.
 */
export function segmentsOf(text, blocks) {
  const segments = [];
  let cursor = 0;
  blocks.forEach((block, index) => {
    const found = placeOf(block, text, cursor);
    if (!found) return;
    // The marks of a heading stand before its text, and those of a list's item.
    const start = Math.max(cursor, text.lastIndexOf("\n", found.start - 1) + 1);
    const isMark = /^(?:#{1,6} +|[-*+] +|\d+[.)] +|> *|\*\*|\s)*$/.test(text.slice(start, found.start));
    const from = isMark ? start : found.start;
    if (text.slice(cursor, from).trim()) segments.push({ text: text.slice(cursor, from), block: null });
    let to = found.stop;
    if (text.startsWith("**", to)) to += 2;
    segments.push({ text: text.slice(from, to), block: index });
    cursor = to;
  });
  if (text.slice(cursor).trim()) segments.push({ text: text.slice(cursor), block: null });
  return segments;
}

function placeOf(block, text, cursor) {
  for (const wanted of [block.html, block.text]) {
    const words = wanted?.trim();
    const start = words ? text.indexOf(words, cursor) : -1;
    // A few letters far away are another place that happens to read the same.
    if (start >= 0 && start - cursor < 400 + 40 * words.length) return { start, stop: start + words.length };
  }
  return null;
}
