import { expect, test } from "vitest";
import { MediaError } from "../errors.ts";
import { Making } from "./opening.ts";

const begun = {
  seq: 3,
  start: 6_000_000,
  duration: 2_000_000,
  frameRate: 25,
  capturedAt: 1_700_000_006_000,
  init: Uint8Array.of(9),
};

async function read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const piece of stream) bytes.push(...piece);
  return bytes;
}

test("every reader gets all bytes, whether it came before, between or after them, and the segment is the same bytes", async () => {
  const making = new Making(begun);
  const { opening } = making;
  expect(opening.planned).toEqual({ duration: 2_000_000, frames: 50 });
  const before = read(opening.media());
  making.take({ piece: Uint8Array.of(1, 2), of: 3 });
  const between = read(opening.media());
  const leaves = opening.media().getReader();
  await leaves.read();
  await leaves.cancel();
  making.take({ piece: Uint8Array.of(3), of: 3 });
  making.take({ closed: { codecs: "avc1.4d401f", frames: 48, duration: 1_920_000 }, of: 3 });
  expect(await Promise.all([before, between, read(opening.media())])).toEqual([
    [1, 2, 3],
    [1, 2, 3],
    [1, 2, 3],
  ]);
  const closed = await opening.closed;
  expect(closed).toMatchObject({ seq: 3, start: 6_000_000, duration: 1_920_000 });
  expect(closed.video).toMatchObject({ init: Uint8Array.of(9), media: Uint8Array.of(1, 2, 3) });
  making.take({ sound: undefined, of: 3 });
  expect(await opening.whole).toEqual(closed);
});

test("a source that ends before a segment is complete fails it for every reader, never shortens it", async () => {
  const making = new Making(begun);
  const { opening } = making;
  const reading = read(opening.media());
  making.take({ piece: Uint8Array.of(1, 2), of: 3 });
  const error = new MediaError({ code: "MEDIA_CLOSED" }, "the source was closed");
  making.fail(error);
  await expect(reading).rejects.toBe(error);
  await expect(read(opening.media())).rejects.toBe(error);
  await expect(opening.closed).rejects.toBe(error);
  await expect(opening.whole).rejects.toBe(error);
});
