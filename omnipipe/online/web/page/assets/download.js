// A job's pages as a file. The rows are written as they came, so that no number changes on its way through JavaScript.

const TYPES = { markdown: ["text/markdown", "md"], json: ["application/json", "json"], ndjson: ["application/x-ndjson", "ndjson"] };

/** Markdown as `omnipipe extract` prints it: pages in order, an empty line between them. */
export function markdownOf(pages) {
  const texts = pages.indices.map((index) => pages.row(index).text).filter(Boolean);
  return texts.length ? `${texts.join("\n\n")}\n` : "";
}

export function contentOf(form, job, pages) {
  if (form === "markdown") return markdownOf(pages);
  if (form === "json") return `${JSON.stringify(job).slice(0, -1)}, "pages": [${pages.lines.join(",\n")}]}\n`;
  const end = JSON.stringify({ done: job.state === "done" || job.state === "cancelled", job });
  return [...pages.lines, end, ""].join("\n");
}

export function save(form, job, pages) {
  const [type, suffix] = TYPES[form];
  const address = URL.createObjectURL(new Blob([contentOf(form, job, pages)], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${job.file_name.replace(/\.[A-Za-z0-9]{1,5}$/, "") || "document"}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
