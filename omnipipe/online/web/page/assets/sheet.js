// One page of a job: facts, notice, picture beside text, and what is pointed at marked in both.

import { Picture } from "./picture.js";
import { Text } from "./text.js";
import { ROUTE, STATUS, make, notice, number } from "./words.js";

const find = (id) => document.getElementById(id);
const FORMS = { "tab-text": "text", "tab-source": "source", "tab-row": "row" };

export class Sheet {
  /** `onLocked(password)` is called when somebody gives a password for a document that needs one. */
  constructor({ onPassword, onSay }) {
    this._onPassword = onPassword;
    this._onSay = onSay;
    this._row = null;
    this._form = "text";
    this._marked = "";
    this._picture = new Picture(find("picture"), (target, words) => this._mark(target, "picture", words));
    this._text = new Text(find("text"), (target) => this._mark(target, "text"));
    find("show-boxes").addEventListener("change", () => this._showBoxes());
    find("copy").addEventListener("click", () => this._copy());
    for (const tab of Object.keys(FORMS)) {
      find(tab).addEventListener("click", () => this._choose(tab));
      find(tab).addEventListener("keydown", (event) => this._stepTabs(event, tab));
    }
  }

  /** The page's index, or null. */
  get index() {
    return this._row?.page_index ?? null;
  }

  clear() {
    this._row = null;
    this._picture.clear();
    this._text.clear();
    find("facts").replaceChildren();
    find("page-notice").replaceChildren();
  }

  /** Show a row; `canRetry` says whether the document is still at hand to be sent again with a password. */
  show(row, pictures, { canRetry }) {
    this._row = row;
    this._marked = "";
    find("facts").replaceChildren(...factsOf(row));
    find("page-notice").replaceChildren(...this._notices(row, canRetry));
    this._text.show(row, this._form);
    const hasPicture = row.page_count !== null && row.num_pages === 1;
    find("sheet").classList.toggle("no-picture", !hasPicture);
    if (hasPicture) this._picture.show(row, pictures);
    else this._picture.clear();
  }

  /** A page that has no row yet. */
  wait(index) {
    this.clear();
    find("sheet").classList.add("no-picture");
    find("facts").replaceChildren(make("li", { class: "chip waiting" }, "Waiting"));
    find("text").replaceChildren(make("p", { class: "no-text" }, `Page ${number(index + 1)} is not read yet.`));
  }

  /** Take all marks away; whether there were any. */
  letGo() {
    const had = this._marked !== "";
    this._picture.letGo();
    this._mark(null);
    return had;
  }

  _mark(target, from, words) {
    const state = target === null ? "" : `${target.block}/${target.line}`;
    if (state === this._marked) return;
    this._marked = state;
    this._picture.mark(target);
    this._text.mark(target, { reveal: from === "picture" });
    if (words) this._onSay(words);
  }

  _notices(row, canRetry) {
    if (!row.error_code) return [];
    const isText = row.status === "fallback" || row.status === "ok";
    if (row.error_code !== "encrypted") {
      return [notice(row.error_message ?? "", { title: errorTitle(row), kind: isText ? "fair" : "bad" })];
    }
    // The row's message names options of the command line.
    const words = canRetry ? "Give its password to read it." : "Send it again together with its password.";
    const box = notice(words, { title: "The document is locked" });
    if (canRetry) box.append(this._passwordForm());
    return [box];
  }

  _passwordForm() {
    const field = make("input", { type: "password", autocomplete: "off", required: true, id: "retry-password" });
    const form = make(
      "form",
      { class: "retry" },
      make("label", { class: "field" }, make("span", {}, "Password"), field),
      make("button", { type: "submit", class: "primary" }, "Try again"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value) this._onPassword(field.value);
    });
    return form;
  }

  _showBoxes() {
    find("picture").classList.toggle("all-boxes", find("show-boxes").checked);
  }

  _choose(tab) {
    this._form = FORMS[tab];
    for (const other of Object.keys(FORMS)) {
      find(other).setAttribute("aria-selected", String(other === tab));
      find(other).tabIndex = other === tab ? 0 : -1;
    }
    find("text").setAttribute("aria-labelledby", tab);
    if (this._row) this._text.show(this._row, this._form);
  }

  _stepTabs(event, tab) {
    const tabs = Object.keys(FORMS);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    // The page's own arrows turn pages.
    event.stopPropagation();
    const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
    this._choose(next);
    find(next).focus();
  }

  async _copy() {
    if (!this._row) return;
    const words = this._form === "row" ? JSON.stringify(this._row, null, 2) : (this._row.text ?? "");
    try {
      await navigator.clipboard.writeText(words);
      find("copy").textContent = "Copied";
      this._onSay("Copied");
    } catch {
      // Only pages over HTTPS or of this machine may write to the clipboard.
      find("copy").textContent = "Not allowed";
    }
    setTimeout(() => (find("copy").textContent = "Copy"), 1500);
  }
}

function errorTitle(row) {
  const words = row.error_code.replaceAll("_", " ");
  if (row.page_count === null) return `The document could not be read: ${words}`;
  if (row.status === "skipped") return `Not read: ${words}`;
  return row.status === "failed" ? `This page could not be read: ${words}` : `Read, with a problem: ${words}`;
}

function factsOf(row) {
  const [status, tone] = STATUS[row.status] ?? [row.status, "none"];
  const words = row.status === "ok" && ROUTE[row.route] ? `${status} ${ROUTE[row.route][0]}` : status;
  const facts = [make("li", { class: `chip ${tone}`, title: row.route_reason ?? "" }, make("span", { class: "dot" }), words)];
  if (row.quality !== null && row.quality !== undefined) {
    facts.push(make("li", { class: "chip plain", title: "Confidence, 0 to 100 %" }, `Quality ${Math.round(100 * row.quality)} %`));
  }
  if (row.model) facts.push(make("li", { class: "chip plain", title: "Model" }, row.model));
  for (const flag of row.flags) facts.push(make("li", { class: "chip flag", title: "Flag" }, flag.replaceAll("_", " ")));
  return facts;
}
