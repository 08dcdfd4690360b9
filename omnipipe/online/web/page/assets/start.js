// The way in: choose, drop or paste a document; earlier ones; and what is said when the server does not take one.

import { ApiError, key, listJobs, pause, sendDocument } from "./api.js";
import { askForKey } from "./key.js";
import { bytes, make, notice, number, say, when } from "./words.js";

const find = (id) => document.getElementById(id);
const TRIES = 5;

export class Start {
  /** `onJob(job, file)` is called with a new job. */
  constructor(onJob) {
    this._onJob = onJob;
    this._sending = null;
    find("ask").addEventListener("submit", (event) => event.preventDefault());
    find("file").addEventListener("change", () => {
      const [file] = find("file").files;
      find("file").value = "";
      if (file) this.send(file);
    });
    this._takeDrops();
    document.addEventListener("paste", (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file) return;
      event.preventDefault();
      this.send(file);
    });
  }

  /** Forget a document that is being sent. */
  stop() {
    this._sending?.abort();
    this._sending = null;
    find("start-notice").replaceChildren();
  }

  async send(file, wishes = null) {
    this.stop();
    const sending = (this._sending = new AbortController());
    const fields = wishes ?? { pages: find("range").value.trim(), password: find("password").value };
    location.hash = "";
    try {
      const job = await this._tryOften(file, fields, sending.signal);
      find("password").value = "";
      find("start-notice").replaceChildren();
      this._onJob(job, file, fields);
    } catch (error) {
      if (error.name !== "AbortError") this._refused(error, file, fields);
    }
  }

  /** Where the server says when to come again, this does. */
  async _tryOften(file, fields, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        const bar = this._showSending(file);
        return await sendDocument(file, fields, (share) => (bar.value = share), signal);
      } catch (error) {
        const isBusy = error instanceof ApiError && [429, 503].includes(error.status) && error.retryAfter !== null;
        if (!isBusy || tries === TRIES) throw error;
        await this._waitForRoom(error, signal);
      }
    }
  }

  _showSending(file) {
    const bar = make("progress", { max: 1, value: 0, "aria-label": "Sent" });
    const stop = make("button", { type: "button", onclick: () => this.stop() }, "Stop");
    const box = make("div", { class: "sending" }, make("p", {}, `Sending ${file.name || "the document"}, ${bytes(file.size)}`), bar, stop);
    find("start-notice").replaceChildren(box);
    say(`Sending ${file.name || "the document"}`);
    return bar;
  }

  async _waitForRoom(error, signal) {
    const now = new AbortController();
    const words = make("span", {});
    const actions = [
      make("button", { type: "button", class: "primary", onclick: () => now.abort() }, "Try now"),
      make("button", { type: "button", onclick: () => this.stop() }, "Stop"),
    ];
    const box = notice(words, { title: "The server is busy", kind: "fair", actions });
    find("start-notice").replaceChildren(box);
    for (let left = Math.min(300, Math.max(1, Math.ceil(error.retryAfter))); left > 0 && !now.signal.aborted; left -= 1) {
      words.textContent = `${error.message} Trying again in ${number(left)} s.`;
      await pause(1000, AbortSignal.any([signal, now.signal])).catch(() => {});
      if (signal.aborted) throw new DOMException("Given up.", "AbortError");
    }
  }

  _refused(error, file, fields) {
    const titles = { 0: "The server cannot be reached", 401: "This needs an API key", 413: "The document is too large" };
    const again = () => this.send(file, fields);
    const actions = [make("button", { type: "button", class: "primary", onclick: again }, "Try again")];
    const box = notice(error.message, { title: titles[error.status] ?? "The document was not taken", actions });
    find("start-notice").replaceChildren(box);
  }

  _takeDrops() {
    const veil = find("veil");
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    let depth = 0;
    const show = (by) => {
      depth = by === 0 ? 0 : Math.max(0, depth + by);
      veil.hidden = depth === 0;
    };
    window.addEventListener("dragenter", (event) => hasFiles(event) && show(1));
    window.addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
    window.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    window.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      show(0);
      const [file] = event.dataTransfer.files;
      if (file) this.send(file);
    });
  }

  /** List what this key read before. */
  async showRecent() {
    let jobs = [];
    try {
      jobs = await listJobs();
    } catch (error) {
      if (error.status === 401) return this._askQuietly();
    }
    find("recent").hidden = !jobs.length;
    find("recent-list").replaceChildren(
      ...jobs.map((job) =>
        make(
          "li",
          {},
          make("a", { href: `#${job.id}` }, job.file_name),
          make("span", { class: "recent-facts" }, `${when(job.created_at)} · ${pagesOf(job)}`),
        ),
      ),
    );
  }

  _askQuietly() {
    find("recent").hidden = true;
    if (this._sending) return;
    const why = key.get() ? "The key is not one of this server's." : "This server reads documents for those who have a key.";
    const give = async () => {
      if (!(await askForKey(why))) return;
      find("start-notice").replaceChildren();
      this.showRecent();
    };
    const button = make("button", { type: "button", class: "primary", onclick: give }, "Enter a key");
    find("start-notice").replaceChildren(notice(why, { title: "This needs an API key", kind: "fair", actions: [button] }));
  }
}

function pagesOf(job) {
  const count = job.num_pages ?? job.num_rows;
  const words = `${number(count)} ${count === 1 ? "page" : "pages"}`;
  return job.state === "done" ? words : `${words}, ${job.state}`;
}
