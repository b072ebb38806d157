/** Every event of a run: hashed always, kept where somebody wants to read them. */
import { createHash } from "node:crypto";
import type { SimEvent } from "./engine.ts";

export interface Recorder {
  record(node: string, kind: string, fields?: object): void;
  readonly events: readonly SimEvent[];
  /** Lower-case hex of the SHA-256 over all events; to be asked once. */
  hash(): string;
}

/** Records events at the time that `now` tells, in milliseconds since the run began. */
export function recorder(now: () => number, keep: boolean): Recorder {
  const hash = createHash("sha256");
  const events: SimEvent[] = [];
  return {
    events,
    record(node, kind, fields = {}) {
      const event: SimEvent = { t: Math.round(now() * 1_000) / 1_000, node, kind, ...fields };
      const line = JSON.stringify(event, (_, value) =>
        typeof value === "bigint" ? `${value}` : value,
      );
      hash.update(`${line}\n`);
      if (keep) events.push(JSON.parse(line));
    },
    hash: () => hash.digest("hex"),
  };
}
