// The rows of one job as they came: a short summary of each in memory, the whole of it as its line of JSON.

export class Pages {
  constructor() {
    this.counts = {};
    this.num_rows = 0;
    this.num_covered = 0;
    this.expected = null;
    this.page_count = null;
    this.hasAll = true;
    this.indices = [];
    this._rows = new Map();
  }

  /** Take a row; one of an index that is there already changes nothing. */
  add(row, line) {
    const index = row.page_index;
    if (this._rows.has(index)) return;
    const { status, route, flags, num_pages: covers } = row;
    this._rows.set(index, { index, status, route, numFlags: flags?.length ?? 0, covers: covers ?? 1, line });
    this.counts[status] = (this.counts[status] ?? 0) + (covers ?? 1);
    this.num_rows += 1;
    this.num_covered += covers ?? 1;
    this.page_count = row.page_count ?? this.page_count;
    insert(this.indices, index);
  }

  /** What a job says of its pages: `num_pages` is how many get a row, all of them where no range was asked for. */
  expect(job) {
    this.page_count = job.page_count ?? this.page_count;
    this.expected = job.num_pages ?? this.expected;
    this.hasAll = this.expected !== null && this.expected === this.page_count;
  }

  /** Places in the list of pages: those that are awaited too, where they are known. */
  get length() {
    return this.hasAll && this.page_count ? this.page_count : this.indices.length;
  }

  indexAt(place) {
    return this.hasAll && this.page_count ? place : this.indices[place];
  }

  placeOf(index) {
    return this.hasAll && this.page_count ? index : this.indices.indexOf(index);
  }

  summary(index) {
    return this._rows.get(index) ?? null;
  }

  /** The whole row, parsed anew: a document of 5,000 pages has too many boxes to keep them all as objects. */
  row(index) {
    const found = this._rows.get(index);
    return found ? JSON.parse(found.line) : null;
  }

  get lines() {
    return this.indices.map((index) => this._rows.get(index).line);
  }
}

function insert(sorted, value) {
  let place = sorted.length;
  while (place && sorted[place - 1] > value) place -= 1;
  sorted.splice(place, 0, value);
}
