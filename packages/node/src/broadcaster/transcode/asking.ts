import { Admission, Crew } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import { Pixels } from "@tabcast/runtime";
import type { StreamContext } from "../context.ts";
import type { Hiring } from "../hiring.ts";

export interface AskingOptions {
  /** Frames per second, and in a segment as it is planned. */
  readonly frameRate: number;
  readonly frames: number;
}

/** Which rungs of a live ladder workers are asked for, and what its owner should know about it: carries out `Admission`. */
export interface Asking {
  rungs(): readonly Rung[];
  /** Asks for what the workers make in time. To be called as time passes. */
  adapt(hiring: Hiring): void;
  /** Says so when the crew cannot carry what is asked, once for each size of crew. To be called when the crew has changed. */
  advise(hiring: Hiring): void;
}

export function openAsking(
  { rungs, config, clock, on }: StreamContext,
  { frameRate, frames }: AskingOptions,
): Asking {
  const say = (message: string) => on({ type: "warning", message });
  let asked = rungs;
  let advised = "";

  return {
    rungs: () => asked,
    adapt(hiring) {
      const crew = hiring.crew();
      const { slow, members, offer } = crew;
      // A bid has to dial first: somebody quicker may be on the way.
      const early = offer === undefined || clock.now() - offer.since < config.patience.laterMs;
      const hired = members.size > 0 || early;
      const reach = Crew.reach(crew, config);
      const next = Admission.ask(rungs, asked, frames, { hired, slow, reach });
      if (next === asked) return;
      const names = next.map(({ name }) => name).join(", ");
      const more = next.length > asked.length;
      asked = next;
      say(
        more
          ? `workers are quick enough for more now, and are asked for ${names}`
          : `the workers that came are too slow for the whole ladder: they are asked for ${names}`,
      );
      const pixels = Pixels.ofFrames(next, frames);
      hiring.tell({ type: "asked", pixels, now: clock.now() });
    },
    advise(hiring) {
      const speeds = hiring.available().map(({ pixelsPerS }) => pixelsPerS);
      if (speeds.length === 0) return;
      const { fits, message } = Admission.plan(asked, { speeds, frameRate });
      const key = `${speeds.length} ${fits.join()}`;
      if (message !== undefined && key !== advised) say(message);
      advised = key;
    },
  };
}
