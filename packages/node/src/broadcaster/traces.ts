import { Trace } from "@tabcast/market";
import { BoundedMap } from "@tabcast/runtime";
import type { Context } from "../context.ts";

/** Writes down what happened to one segment: what, to whom, why. */
export type Note = (what: string, who?: string, why?: string) => void;

/** How the newest segments came to be. */
export interface Traces {
  open(seq: number): Note;
  /** In order of their sequence. */
  all(): readonly Trace.Trace[];
}

export function openTraces({ clock }: Pick<Context, "clock">): Traces {
  /** Boxed, so that a note does not make an old segment the newest. */
  const traces = new BoundedMap<number, { trace: Trace.Trace }>(Trace.MOST_SEGMENTS);
  const startedAt = clock.now();

  return {
    open(seq) {
      const box = { trace: Trace.open(seq) };
      return (what, who, why) => {
        box.trace = Trace.add(box.trace, {
          at: Math.round(clock.now() - startedAt),
          what,
          ...(who !== undefined && { who }),
          ...(why !== undefined && { why }),
        });
        if (!traces.has(seq)) traces.set(seq, box);
      };
    },
    all: () => [...traces.values()].map(({ trace }) => trace).sort((a, b) => a.seq - b.seq),
  };
}
