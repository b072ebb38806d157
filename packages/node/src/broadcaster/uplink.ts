import type { Speed } from "@tabcast/market";
import { SerialQueue } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import type { Courier, Delivery, JobTerms, Segment, SendOptions } from "./delivery.ts";
import { bytesOf } from "./transcode/cost.ts";

/** How long one upload may keep the uplink to itself, in milliseconds. */
const UPLINK_MS = 3_000;

/** A receipt, and what the upload before it took; undefined where the segment went as it was made. */
export interface Sent {
  readonly delivery: Delivery;
  readonly upload: Speed.Sample["upload"];
}

export interface UplinkOptions extends Omit<SendOptions, "uploaded"> {
  /** Its turn has come. */
  readonly begin: () => void;
}

/** Lets complete segments leave one at a time: two at once make both late. Knows no worker and no deadline. */
export interface Uplink {
  /** When it is expected to be free, in milliseconds of the clock. */
  freeAt(): number;
  /** A segment was given out that will have left by then. */
  reserve(until: number): void;
  /** Sends a segment when its turn has come, and waits for its receipt. Throws what `Courier.send` throws. */
  send(segment: Segment, terms: JobTerms, options: UplinkOptions): Promise<Sent>;
}

export function openUplink({ clock }: Pick<Context, "clock">, courier: Courier): Uplink {
  const queue = new SerialQueue();
  let freeAt = 0;

  return {
    freeAt: () => freeAt,
    reserve(until) {
      freeAt = until;
    },
    async send(segment, terms, { begin, ...told }) {
      if (segment.captured === undefined) {
        // What is still being made takes no more of the uplink than it is made with.
        begin();
        const delivery = await courier.send(segment, terms, { ...told, uploaded: () => {} });
        return { delivery, upload: undefined };
      }
      const bytes = bytesOf(segment);
      let upload: Speed.Sample["upload"];
      const delivery = await new Promise<Delivery>((resolve, reject) => {
        void queue.run(
          () =>
            new Promise<void>((free) => {
              const sentAt = clock.now();
              begin();
              const uploaded = () => {
                if (upload !== undefined) return;
                upload = { bytes, ms: Math.max(1, clock.now() - sentAt) };
                freeAt = Math.min(freeAt, clock.now());
                free();
              };
              courier
                .send(segment, terms, { ...told, uploaded })
                .then(resolve, reject)
                .finally(free);
              // A worker that takes no bytes must not hold up those behind it.
              clock.sleep(UPLINK_MS, told).then(free, free);
            }),
        );
      });
      return { delivery, upload };
    },
  };
}
