import type { TranscodeResult, Transcoder } from "@tabcast/media";
import type { Clock } from "@tabcast/runtime";

/** The ladder of every stream here. */
export const RUNGS = [
  { name: "720p", width: 1280, height: 720, bitrate: 2_000_000 },
  { name: "360p", width: 640, height: 360, bitrate: 500_000 },
] as const;
/** Frames of a segment as it is offered. */
export const FRAMES = 60;
/** What a worker asks, wei per output gigapixel. */
export const PRICE = 10_000_000_000_000_000n;
/** Parts in which a segment is made. */
const PARTS = 4;
/** Milliseconds that one takes. */
const PART_MS = 100;

/** Wei of `frames` frames of one rung, by this file's own reckoning. */
export const worth = (rung: { readonly width: number; readonly height: number }, frames: number) =>
  (BigInt(rung.width * rung.height * frames) * PRICE) / 1_000_000_000n;

/** Wei of a whole segment as it is offered. */
export const SEGMENT = RUNGS.reduce((sum, rung) => sum + worth(rung, FRAMES), 0n);

const head = Uint8Array.of(7);

/** A byte for each frame at each rung, in four parts of 100 ms; a segment's source has a byte for each frame. */
export function bytesForFrames(clock: Clock): Transcoder {
  return {
    async transcode({ rungs, media }, { signal, made = () => {}, progress = () => {} }) {
      const source = new Uint8Array(await new Response(media).arrayBuffer());
      const frames = source.byteLength;
      for (let part = 0; part < PARTS; part++) {
        await clock.sleep(PART_MS, { signal });
        const from = Math.floor((frames * part) / PARTS);
        const bytes = source.slice(from, Math.floor((frames * (part + 1)) / PARTS));
        for (const rung of rungs.keys()) made({ rung, at: from, bytes: bytes.slice() });
        progress(from + bytes.byteLength);
      }
      const whole = new Uint8Array([...head, ...source]);
      const renditions = rungs.map(({ name }) => ({
        rung: name,
        init: head,
        media: whole,
        headLen: head.byteLength,
        frames,
      }));
      return { renditions, encodeMs: 1, hardware: "sw" } as unknown as TranscodeResult;
    },
    close() {},
  };
}
