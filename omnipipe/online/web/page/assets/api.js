// Talking to the server: one place for paths, the API key, and errors. Paths are relative, for servers below a prefix.

const KEY = "omnipipe.key";

/** An answer of status 400 and above, or none at all (status 0). `retryAfter` is in seconds, null where none was said. */
export class ApiError extends Error {
  constructor(status, code, message, retryAfter = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

let askForKey = async () => false;

/** `ask(message)` is called on a 401 and resolves to whether there is another key to try. */
export function onMissingKey(ask) {
  askForKey = ask;
}

const jobPath = (id) => `v1/jobs/${encodeURIComponent(id)}`;

function headers() {
  return key.get() ? { Authorization: `Bearer ${key.get()}` } : {};
}

function errorOf(status, text, retryHeader) {
  let plain = {};
  try {
    plain = JSON.parse(text).error ?? {};
  } catch {
    // A proxy in between answers in HTML; its status is all there is.
  }
  const wait = Number(plain.retry_after ?? retryHeader ?? NaN);
  const message = plain.message || `The server answered with status ${status}.`;
  return new ApiError(status, plain.code ?? "", message, Number.isFinite(wait) ? wait : null);
}

/** The answer to a request, with a key where one is needed. Throws ApiError; an abort stays an AbortError. */
export async function request(path, { quietly = false, ...options } = {}) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers }, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, "unreachable", "The server cannot be reached.");
    }
    if (answer.ok) return answer;
    const error = errorOf(answer.status, await answer.text(), answer.headers.get("retry-after"));
    if (error.status !== 401 || quietly || !(await askForKey(error.message))) throw error;
  }
}

export const findJob = async (id) => (await request(jobPath(id))).json();
export const removeJob = (id) => request(jobPath(id), { method: "DELETE" });

/** The picture of page `number` (from 1). The server forgets passwords at a job's end: `password` opens the document again. */
export async function pictureOf(id, number, { password, signal }) {
  // A header holds bytes: those of UTF-8, each as one character.
  const bytes = [...new TextEncoder().encode(password)];
  const headers = password ? { "X-Document-Password": String.fromCharCode(...bytes) } : {};
  return (await request(`${jobPath(id)}/pages/${number}/image`, { headers, signal, quietly: true })).blob();
}

/** Jobs of this key, newest first; none where the server does not list them. */
export async function listJobs() {
  return (await (await request("v1/jobs?limit=8", { quietly: true })).json()).jobs ?? [];
}

/** Send a document. `onProgress` gets the share that is sent, 0 to 1. Returns the new job. */
export async function sendDocument(file, { pages, password }, onProgress, signal) {
  for (;;) {
    try {
      return await sendOnce(file, { pages, password }, onProgress, signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401 || !(await askForKey(error.message))) throw error;
    }
  }
}

function sendOnce(file, fields, onProgress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  // Last, so that the server knows the wishes before the bytes come.
  form.append("file", file, file.name || "document");
  return new Promise((resolve, reject) => {
    // XMLHttpRequest, because fetch tells nothing of how much was sent.
    const sending = new XMLHttpRequest();
    sending.open("POST", "v1/documents");
    for (const [name, value] of Object.entries(headers())) sending.setRequestHeader(name, value);
    sending.setRequestHeader("Accept", "application/json");
    sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    sending.onload = () => {
      if (sending.status >= 400) {
        return reject(errorOf(sending.status, sending.responseText, sending.getResponseHeader("retry-after")));
      }
      try {
        resolve(JSON.parse(sending.responseText));
      } catch {
        reject(new ApiError(sending.status, "", "The server's answer is no job."));
      }
    };
    sending.onerror = () => reject(new ApiError(0, "unreachable", "The server cannot be reached, or refused the document."));
    sending.onabort = () => reject(new DOMException("Given up.", "AbortError"));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(form);
  });
}

/**
 * Rows of a job as they come: `onRow(row, line)` for each. Goes on where it was after a broken connection; then
 * `onTrouble(error)` is called, and `onTrouble(null)` when all is well again. Returns the job.
 */
export async function followJob(id, onRow, onTrouble, signal) {
  let count = 0;
  for (let failures = 0; ; ) {
    try {
      const answer = await request(`${jobPath(id)}?format=ndjson&start=${count}`, { signal });
      for await (const line of linesOf(answer.body)) {
        const plain = JSON.parse(line);
        // The last line is no row: it says whether the stream is whole.
        if (plain.done === true) return plain.job;
        if (plain.error?.code === "not_found") throw new ApiError(404, "not_found", plain.error.message);
        if ("done" in plain) break;
        count += 1;
        onRow(plain, line);
        if (failures) onTrouble(null);
        failures = 0;
      }
    } catch (error) {
      if (signal.aborted) throw new DOMException("Given up.", "AbortError");
      const passes = !(error instanceof ApiError) || [0, 429, 502, 503, 504].includes(error.status);
      if (!passes) throw error;
      onTrouble(error);
    }
    failures += 1;
    await pause(Math.min(10_000, 250 * 2 ** failures), signal);
  }
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      yield* lines.filter(Boolean);
    }
    // A line without an end was cut off.
  } finally {
    await reader.cancel().catch(() => {});
  }
}

export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("Given up.", "AbortError"));
    });
  });
}
