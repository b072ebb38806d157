import { readInit, readMedia } from "../src/mp4/read.ts";
import { writeChunk } from "../src/mp4/write.ts";
import type { Fragment } from "../src/types.ts";

/** A segment as chunked CMAF, `frames` to a chunk. */
export function chunked(
  { init, media }: Pick<Fragment, "init" | "media">,
  frames: number,
): Uint8Array<ArrayBuffer>[] {
  const track = readInit(init);
  const { samples, sequence } = readMedia(media);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < samples.length; i += frames)
    chunks.push(
      writeChunk(track, samples.slice(i, i + frames), sequence, i === 0 ? "first" : "later"),
    );
  return chunks;
}

/** Byte arrays in a row. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A stream fed by hand; `cancelled` resolves with the reason if its reader wants no more. */
export function fed() {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const { promise: cancelled, resolve } = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (own) => {
      controller = own;
    },
    cancel: resolve,
  });
  if (!controller) throw new Error("a stream starts at once");
  return { stream, controller, cancelled };
}
