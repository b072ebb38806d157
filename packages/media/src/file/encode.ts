import type { EncodedPacket } from "mediabunny";
import { MediaError } from "../errors.ts";
import { microsOf } from "../mp4/track.ts";
import { Cutter, type VideoCut } from "../source/encode.ts";
import type { Studio } from "../source/outlet.ts";
import type { FileLane } from "./audio.ts";
import { framesOf } from "./decode.ts";
import { corrupt } from "./errors.ts";
import { perSecond, slotAt, slotFrom } from "./rate.ts";
import { turned } from "./turn.ts";
import type { FileVideo } from "./video.ts";

/** Sound that goes on after the last frame is kept for this long, in seconds. */
export const TAIL = 0.1;
/** Decoders round times to it, in seconds. */
const MICRO = 1e-6;
/** A picture that stands still for longer than this is a hole in the file, in seconds. */
const LONGEST_STILL = 300;

/** Bitrate at which an encoder without B-frames keeps what the input's encoder kept: more than the input's, with a floor. */
export function bitrateAgain({ bitrate, width, height, rate, codec }: FileVideo): number {
  const gain = codec === "avc" ? 1.3 : 2;
  const least = Math.max(gain * bitrate, 0.12 * width * height * perSecond(rate), 400_000);
  return Math.round(Math.min(60_000_000, least));
}

/** How a file, or the rest of it, is encoded again. */
export interface Again {
  readonly video: FileVideo;
  readonly lane: FileLane | undefined;
  /** Bits per second. */
  readonly bitrate: number;
  /** Wanted length of a segment, in microseconds. */
  readonly segment: number;
  /** In the order in which they are decoded, the first a key. */
  readonly packets: AsyncIterable<EncodedPacket>;
  /** The slot to begin with. */
  readonly from: number;
}

/**
 * Decodes packets and encodes them again on the file's grid, cut at whole multiples of the wanted length. Each slot shows
 * the latest frame there is by then.
 */
export async function encodeAgain(again: Again, { outlet, stop }: Studio): Promise<void> {
  const { video, lane, bitrate, segment, packets, from } = again;
  const { config, base, last, end, rate, width, height } = video;
  const { timescale, ticks } = rate;
  const cutter = new Cutter(
    { width, height, bitrate, frameRate: perSecond(rate), timescale },
    (segment * timescale) / 1e6,
  );
  const leave = ({ start, end: until, video: coded }: VideoCut, last: boolean) =>
    outlet.emit({
      start: microsOf(start, timescale),
      end: microsOf(until, timescale),
      capturedAt: Date.now(),
      video: coded,
      ...(lane ? { audio: () => lane.until(until / timescale + (last ? TAIL : 0)) } : {}),
    });
  const ends = async (slot: number) => {
    const rest = cutter.cut(slot * ticks);
    if (rest) await leave(rest, true);
  };
  /** The frame shown from `next` on, until a later one comes. */
  let held: VideoFrame | undefined;
  let next = from;
  /** Shows the held frame up to `slot`; false if it was told to stop at a border. */
  const showUntil = async (slot: number): Promise<boolean> => {
    if (slot - next > LONGEST_STILL * perSecond(rate))
      throw new TypeError(
        `there is no picture for ${((slot - next) / perSecond(rate)).toFixed(0)} s`,
      );
    for (; held && next < slot; next++) {
      if (stop.aborted && cutter.isBorder(next * ticks)) return false;
      const done = await cutter.add(held.clone(), next * ticks);
      if (done) await leave(done, false);
    }
    return true;
  };
  let at = base;
  try {
    for await (const frame of framesOf(packets, config)) {
      const time = frame.timestamp / 1e6;
      if (time < at - MICRO) {
        frame.close(); // cut away by an edit list, or out of order
        continue;
      }
      at = time;
      if (held && !(await showUntil(slotFrom(rate, time - base)))) {
        frame.close();
        return await ends(next);
      }
      held?.close();
      held = await turned(frame, video);
    }
    if (at + 1 < last) throw new TypeError("its packets end here");
    const shown = (slotAt(rate, last - base) ?? from) + 1;
    await showUntil(Math.max(shown, slotFrom(rate, end - base)));
    await ends(next);
  } catch (error) {
    throw error instanceof MediaError ? error : corrupt(at - base, error);
  } finally {
    held?.close();
    cutter.close();
  }
}
