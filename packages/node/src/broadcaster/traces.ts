import { Trace } from "@tabcast/market";
import type { Clock } from "@tabcast/runtime";

/** Writes down what happened to one segment: what, to whom, why. */
export type Note = (what: string, who?: string, why?: string) => void;

/** How the newest segments came to be. */
export interface Traces {
  open(seq: number): Note;
  /** In order of their sequence. */
  all(): readonly Trace.Trace[];
}

export function openTraces(clock: Clock): Traces {
  const traces = new Map<number, Trace.Trace>();
  const startedAt = clock.now();

  return {
    open(seq) {
      let trace = Trace.open(seq);
      return (what, who, why) => {
        trace = Trace.add(trace, {
          at: Math.round(clock.now() - startedAt),
          what,
          ...(who !== undefined && { who }),
          ...(why !== undefined && { why }),
        });
        traces.set(seq, trace);
        if (traces.size > Trace.MOST_SEGMENTS) traces.delete(traces.keys().next().value as number);
      };
    },
    all: () => [...traces.values()].sort((a, b) => a.seq - b.seq),
  };
}
