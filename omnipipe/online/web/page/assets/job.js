// One job's life on the page: it is followed until its end, shown page by page, cancelled, and saved as a file.

import { ApiError, findJob, followJob, removeJob } from "./api.js";
import { save } from "./download.js";
import { Pages } from "./pages.js";
import { Pictures } from "./picture.js";
import { Rail } from "./rail.js";
import { Sheet } from "./sheet.js";
import { jobLine, notice, number, plural, say } from "./words.js";

const find = (id) => document.getElementById(id);
const FINAL = ["done", "cancelled"];

export class JobView {
  /**
   * `onPlace(id, number)` is called when a page is chosen, `onRetry(password)` when a password was given, `onGone()` when
   * the job was deleted. `sentAs(id)` is what is known of a document that was sent from here: its password, or null.
   */
  constructor({ onPlace, onRetry, onGone, sentAs }) {
    this._onPlace = onPlace;
    this._onGone = onGone;
    this._sentAs = sentAs;
    this._following = new AbortController();
    this._job = null;
    this._pages = new Pages();
    this._pictures = null;
    this._drawing = null;
    this._rail = new Rail(find("rail"), (index) => this.go(index));
    this._sheet = new Sheet({ onPassword: (password) => onRetry(password), onSay: say });
    find("cancel").addEventListener("click", () => this._cancel());
    find("delete").addEventListener("click", () => this._delete());
    find("previous").addEventListener("click", () => this.step(-1));
    find("next").addEventListener("click", () => this.step(1));
    find("number").addEventListener("change", (event) => this._goToNumber(event.target.value));
    for (const button of document.querySelectorAll("button[data-form]")) {
      button.addEventListener("click", () => this._job && save(button.dataset.form, this._job, this._pages));
    }
  }

  get id() {
    return this._job?.id ?? null;
  }

  close() {
    this._following.abort();
    this._pictures?.close();
    this._pictures = null;
    this._job = null;
  }

  /** Show the job `id` from its beginning, at page `place` (from 1) or at its first one. */
  async open(id, place = null) {
    this.close();
    const { signal } = (this._following = new AbortController());
    this._pages = new Pages();
    this._isGone = false;
    this._wanted = place === null ? null : place - 1;
    this._pictures = new Pictures(id, this._sentAs(id)?.password ?? "");
    this._sheet.clear();
    find("job-title").textContent = this._sentAs(id)?.file.name || "Document";
    find("job-state").textContent = "Opening";
    for (const part of ["desk", "cancel", "delete"]) find(part).hidden = true;
    find("progress").hidden = false;
    find("progress").removeAttribute("value");
    for (const button of document.querySelectorAll("button[data-form]")) button.disabled = true;
    find("job-notice").replaceChildren();
    try {
      this._job = await findJob(id);
      if (signal.aborted) return;
      this._begin();
      this._job = await followJob(id, (row, line) => this._take(row, line), (error) => this._trouble(error), signal);
      this._end();
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      this._fail(error);
    }
  }

  /** Go to the page `index` from 0. */
  go(index) {
    const row = this._pages.row(index);
    this._wanted = index;
    if (row) this._sheet.show(row, this._pictures, { canRetry: this._sentAs(this._job.id) !== null });
    else this._sheet.wait(index);
    this._rail.choose(index);
    find("number").value = index + 1;
    const place = this._pages.placeOf(index);
    find("previous").disabled = place <= 0;
    find("next").disabled = place >= this._pages.length - 1;
    this._onPlace(this._job.id, index + 1);
  }

  /** Go `by` pages on. */
  step(by) {
    if (this._job === null || this._wanted === null) return;
    const place = this._pages.placeOf(this._wanted) + by;
    if (place < 0 || place >= this._pages.length) return;
    this.go(this._pages.indexAt(place));
    say(`Page ${number(this._wanted + 1)}`);
  }

  letGo() {
    return this._sheet.letGo();
  }

  _begin() {
    find("job-title").textContent = this._job.file_name;
    document.title = `${this._job.file_name} · omnipipe`;
    this._pages.expect(this._job);
    this._rail.open(this._pages);
    this._draw();
  }

  _take(row, line) {
    this._pages.add(row, line);
    // At most 15 times a second, however fast rows come.
    this._drawing ??= setTimeout(() => {
      this._drawing = null;
      if (this._job) this._draw();
    }, 66);
    if (this._pages.num_rows === 1 && this._pages.expected === null) this._askHowMany();
  }

  /** The rows do not say how many there will be where only some pages were asked for; the job does. */
  async _askHowMany() {
    const id = this._job.id;
    const job = await findJob(id).catch(() => null);
    if (job === null || this._job?.id !== id || FINAL.includes(this._job.state)) return;
    this._job = job;
    this._pages.expect(job);
    this._draw();
  }

  _draw() {
    const pages = this._pages;
    const isFinal = FINAL.includes(this._job.state);
    find("job-state").textContent = jobLine(this._job, pages);
    find("cancel").hidden = isFinal;
    find("delete").hidden = !isFinal || this._isGone;
    const progress = find("progress");
    progress.hidden = isFinal;
    if (pages.expected) progress.value = Math.min(1, pages.num_covered / pages.expected);
    else progress.removeAttribute("value");
    find("desk").hidden = !pages.num_rows;
    find("coming").hidden = isFinal || pages.num_rows > 0;
    for (const button of document.querySelectorAll("button[data-form]")) button.disabled = !pages.num_rows;
    if (!pages.num_rows) return;
    find("of").textContent = `of ${number(pages.page_count ?? pages.length)}`;
    this._rail.draw();
    const shown = this._sheet.index;
    if (this._wanted === null || (isFinal && pages.placeOf(this._wanted) < 0)) this._wanted = pages.indices[0];
    if (shown !== this._wanted && pages.summary(this._wanted)) this.go(this._wanted);
    find("next").disabled = pages.placeOf(this._wanted) >= pages.length - 1;
    if (!isFinal) say(`${plural(pages.num_rows, "page")} read${pages.expected ? ` of ${number(pages.expected)}` : ""}`);
  }

  _end() {
    clearTimeout(this._drawing);
    this._drawing = null;
    this._pages.expect(this._job);
    find("job-notice").replaceChildren();
    this._draw();
    const failed = this._pages.counts.failed ?? 0;
    const words = this._job.state === "done" ? "Done" : "Cancelled";
    say(`${words}: ${plural(this._pages.num_rows, "page")}${failed ? `, ${number(failed)} failed` : ""}`);
  }

  _trouble(error) {
    const box = error && notice(`${error.message} Trying again.`, { kind: "fair" });
    find("job-notice").replaceChildren(...(box ? [box] : []));
  }

  _fail(error) {
    for (const part of ["progress", "cancel", "delete", "coming"]) find(part).hidden = true;
    find("job-state").textContent = "";
    const title = error instanceof ApiError && error.status === 404 ? "There is no such job" : "This cannot be shown";
    find("job-notice").replaceChildren(notice(error.message, { title }));
  }

  /** End the job. The server forgets the document; what came until now stays here. */
  async _cancel() {
    if (!(await this._remove())) return;
    this._following.abort();
    this._isGone = true;
    this._job = { ...this._job, state: "cancelled" };
    this._end();
    const words = "The document and its text are removed from the server. What was read stays here until you leave.";
    find("job-notice").replaceChildren(notice(words, { title: "Cancelled", kind: "calm" }));
  }

  async _delete() {
    const words = `Remove ${this._job.file_name}, its text and its pictures from the server?`;
    if (window.confirm(words) && (await this._remove())) this._onGone();
  }

  async _remove() {
    try {
      await removeJob(this._job.id);
      return true;
    } catch (error) {
      find("job-notice").replaceChildren(notice(error.message, { title: "It could not be removed" }));
      return false;
    }
  }

  _goToNumber(value) {
    const index = Number.parseInt(value, 10) - 1;
    const isThere = this._pages.placeOf(index) >= 0 && index < (this._pages.page_count ?? this._pages.length);
    if (isThere && index >= 0) this.go(index);
    else find("number").value = (this._wanted ?? 0) + 1;
  }
}
