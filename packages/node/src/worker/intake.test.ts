import type { Message } from "@tabcast/mesh";
import { type Job, JobEnd } from "@tabcast/protocol";
import { sha256, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openIntake } from "./intake.ts";

const none = new Uint8Array(0);
const never = new AbortController().signal;
const clock = systemClock;
const piece = (...bytes: number[]): Message => ({ head: none, body: Uint8Array.from(bytes) });
const end = (mediaLen: number, mediaHash: Uint8Array): Message => ({
  head: JobEnd.encode({ mediaLen, mediaHash }),
  body: none,
});
const whole = Uint8Array.of(1, 2, 3);
const hash = await sha256(whole);

/** An open job of a segment of 10 ms. */
const job = { open: true, durationUs: 10_000, deadlineMs: 60_000 } as Job;

async function* all(...parts: Message[]) {
  yield* parts;
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}

test("a body's pieces are handed on before the next has come, and end when all have", async () => {
  const first = Promise.withResolvers<void>();
  const following = (async function* () {
    yield piece(1, 2);
    await first.promise;
    yield piece(3);
    yield end(3, hash);
  })();
  const { media, received } = openIntake({ clock, signal: never }, job, following);
  const reader = media.getReader();
  expect((await reader.read()).value).toEqual(Uint8Array.of(1, 2));
  first.resolve();
  expect((await reader.read()).value).toEqual(Uint8Array.of(3));
  expect((await reader.read()).done).toBe(true);
  expect(await received).toEqual({ media: whole, mediaHash: hash });
});

test.each([
  ["ends without a JobEnd", [piece(1, 2, 3)], "JOB_INPUT"],
  ["ends before it began", [], "JOB_INPUT"],
  ["is shorter than its JobEnd says", [piece(1, 2), end(3, hash)], "JOB_INPUT"],
  ["is longer than its JobEnd says", [piece(1, 2, 3, 4), end(3, hash)], "JOB_INPUT"],
  ["has bytes beside its JobEnd", [piece(1, 2), { ...end(3, hash), body: whole }], "JOB_INPUT"],
  ["ends with what is no JobEnd", [piece(1, 2, 3), { head: whole, body: none }], "PROTOCOL_"],
  [
    "is over 8 MiB",
    Array.from({ length: 9 }, () => ({ head: none, body: new Uint8Array(1_000_000) })),
    "JOB_INPUT",
  ],
])("a body that %s is refused, and its readers get no end", async (_, parts, code) => {
  const { media, received } = openIntake({ clock, signal: never }, job, all(...parts));
  const reading = readAll(media);
  const failure = expect.objectContaining({ code: expect.stringContaining(code) });
  await expect(received).rejects.toEqual(failure);
  await expect(reading).rejects.toEqual(failure);
});

test("bytes of another hash are refused, though the transcoder may have seen them", async () => {
  const parts = all(piece(1, 2, 4), end(3, hash));
  const { received } = openIntake({ clock, signal: never }, job, parts);
  await expect(received).rejects.toMatchObject({ code: "HASH_MISMATCH" });
});

test("a body that falls silent, or goes on beyond its deadline, is given up", async () => {
  const silent = (async function* () {
    yield piece(1);
    await new Promise(() => {});
  })();
  const quiet = openIntake({ clock, signal: never }, job, silent);
  await expect(quiet.received).rejects.toMatchObject({
    code: "JOB_INPUT",
    message: expect.stringContaining("nothing came"),
  });
  const endless = (async function* () {
    while (true) {
      await clock.sleep(1);
      yield piece();
    }
  })();
  const late = { ...job, deadlineMs: 30 } as Job;
  const trickle = openIntake({ clock, signal: never }, late, endless);
  await expect(trickle.received).rejects.toMatchObject({ code: "JOB_INPUT" });
});

test("an abort ends a body at once with its own reason, and leaves its sender", async () => {
  const left = Promise.withResolvers<void>();
  const own = new AbortController();
  const following = (async function* () {
    try {
      while (true) {
        yield piece(1);
        await clock.sleep(1);
      }
    } finally {
      left.resolve();
    }
  })();
  const { media, received } = openIntake({ clock, signal: own.signal }, job, following);
  const reader = media.getReader();
  await reader.read();
  const reason = new Error("the stream is over");
  own.abort(reason);
  await expect(received).rejects.toBe(reason);
  await left.promise;
});

test("a transcoder that leaves does not stop the bytes, which are served to others", async () => {
  const { media, received } = openIntake(
    { clock, signal: never },
    job,
    all(piece(1, 2), piece(3), end(3, hash)),
  );
  await media.cancel();
  expect((await received).media).toEqual(whole);
});
