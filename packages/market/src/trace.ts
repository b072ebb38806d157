/** How one segment came to be: what was decided, when and why, bounded, for people. */

/** One decision or event. Times in milliseconds since the stream went on air. */
export interface Line {
  readonly at: number;
  /** "pick", "assigned", "sent", "receipt", "check", "checked", "failed", "blamed", "cancel", "local", "published", "gap". */
  readonly what: string;
  /** A peer id, or "local". */
  readonly who?: string;
  readonly why?: string;
}

export interface Trace {
  readonly seq: number;
  readonly lines: readonly Line[];
  /** Lines that did not fit. */
  readonly left: number;
}

/** Lines kept of one segment, and segments kept. */
export const MOST_LINES = 48;
export const MOST_SEGMENTS = 600;

export const open = (seq: number): Trace => ({ seq, lines: [], left: 0 });

/** A trace with one line more, or with one more left out. The first and what ends it say most, so the middle is left out. */
export function add(trace: Trace, line: Line): Trace {
  if (trace.lines.length < MOST_LINES) return { ...trace, lines: [...trace.lines, line] };
  const half = MOST_LINES / 2;
  const lines = [...trace.lines.slice(0, half), ...trace.lines.slice(half + 1), line];
  return { ...trace, lines, left: trace.left + 1 };
}

/** The traces of a report that may be anybody's. Throws RangeError if they are none. */
export function read(value: unknown): Trace[] {
  const isLine = (line: unknown) => {
    const { at, what, who, why } = (line ?? {}) as { [key: string]: unknown };
    const texts = [what, who ?? "", why ?? ""];
    return Number.isFinite(at) && texts.every((text) => typeof text === "string");
  };
  const isTrace = (one: unknown): one is Trace => {
    const { seq, lines, left } = (one ?? {}) as Partial<Trace>;
    const numbers = Number.isInteger(seq) && Number.isInteger(left);
    return numbers && Array.isArray(lines) && lines.every(isLine);
  };
  if (!Array.isArray(value) || !value.every(isTrace))
    throw new RangeError("the report has no traces that can be read");
  return value;
}

const short = (who: string) => (who.length > 12 ? `…${who.slice(-8)}` : who);

/** A segment's trace as text: one line each, times from its first line. Throws RangeError naming what there is, if it is not there. */
export function format(traces: readonly Trace[], seq: number): string {
  const trace = traces.find((one) => one.seq === seq);
  if (trace === undefined) {
    const [first, last] = [traces[0]?.seq, traces.at(-1)?.seq];
    throw new RangeError(
      first === undefined
        ? "the report has no traces"
        : `no trace of segment ${seq}: the report has ${first} to ${last}`,
    );
  }
  const start = trace.lines[0]?.at ?? 0;
  const rows = trace.lines.map(({ at, what, who, why }) => {
    const when = `${((at - start) / 1_000).toFixed(3)} s`.padStart(10);
    const whom = who === undefined ? "" : short(who);
    return `${when}  ${what.padEnd(10)} ${whom.padEnd(9)} ${why ?? ""}`.trimEnd();
  });
  const head = `segment ${seq}, from ${(start / 1_000).toFixed(3)} s on air`;
  const left = trace.left === 0 ? [] : [`  (${trace.left} lines in the middle were left out)`];
  return [head, ...rows, ...left].join("\n");
}
