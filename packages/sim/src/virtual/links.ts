/**
 * Links: an uplink and a downlink for each node, shared evenly by what is under way; a delay for each pair; loss. Source of
 * the law of loss: Mathis et al. 1997, and simulation.md part 5.
 */
import type { Random } from "@tabcast/runtime";
import type { Timeline, Undo } from "./timeline.ts";

/** Bytes in a packet. */
const PACKET = 1_200;
/** What fits into one packet takes no turn: fair queueing lets small flows pass. */
export const SMALL = PACKET;

interface Flow {
  /** Where the pipe's count of service must stand for it to be through. */
  readonly end: number;
  readonly done: () => void;
}

/** A link's one direction: all flows get the same share of it. */
export class Pipe {
  readonly #timeline: Timeline;
  /** Bytes per millisecond. */
  readonly #rate: number;
  #flows: Flow[] = [];
  /** Bytes that each flow has been served since the pipe was opened. */
  #served = 0;
  #at = 0;
  #undo: Undo = () => {};
  /** Milliseconds in which it carried anything. */
  busyMs = 0;

  constructor(timeline: Timeline, kbps: number) {
    this.#timeline = timeline;
    this.#rate = kbps / 8;
  }

  /** Milliseconds that `bytes` take when nobody else is there. */
  alone(bytes: number): number {
    return bytes / this.#rate;
  }

  /** Bytes that each flow has been served since the pipe was opened: what one has got is what this grew by. */
  get served(): number {
    this.#advance();
    return this.#served;
  }

  /** Sends `bytes`; `done` is called when the last one has left. Returns how to give it up. */
  carry(bytes: number, done: () => void): Undo {
    if (bytes <= SMALL) return this.#timeline.after(this.alone(bytes), done);
    this.#advance();
    const flow = { end: this.#served + bytes, done };
    this.#flows.push(flow);
    this.#plan();
    return () => {
      this.#advance();
      this.#flows = this.#flows.filter((other) => other !== flow);
      this.#plan();
    };
  }

  #advance(): void {
    const passed = this.#timeline.now - this.#at;
    this.#at = this.#timeline.now;
    if (this.#flows.length === 0) return;
    this.#served += (passed * this.#rate) / this.#flows.length;
    this.busyMs += passed;
  }

  #plan(): void {
    this.#undo();
    if (this.#flows.length === 0) return;
    let next = this.#flows[0] as Flow;
    for (const flow of this.#flows) if (flow.end < next.end) next = flow;
    const left = ((next.end - this.#served) * this.#flows.length) / this.#rate;
    this.#undo = this.#timeline.after(left, () => {
      this.#advance();
      this.#flows = this.#flows.filter((flow) => flow !== next);
      this.#plan();
      next.done();
    });
  }
}

/** Milliseconds that loss adds to `bytes` at this round trip, over a link that is not the bottleneck. */
export function lossMs(bytes: number, rttMs: number, loss: number, random: Random): number {
  if (loss <= 0) return 0;
  const packets = Math.max(1, Math.ceil(bytes / PACKET));
  const hit = random.fraction() < 1 - (1 - loss) ** packets;
  if (packets < 10) return hit ? rttMs : 0;
  // A flow that halves its window at each loss carries 1.22 packets / (round trip x root of loss).
  const perMs = (1.22 * PACKET) / (Math.max(1, rttMs) * Math.sqrt(loss));
  return (hit ? rttMs : 0) + Math.max(0, bytes / perMs - rttMs);
}
