import type { Mesh } from "@tabcast/mesh";
import { ANNOUNCE_TTL_MS, Keys, peerIdOf, sealAnnounce } from "@tabcast/protocol";
import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { liveStreams } from "./live.ts";

/** A clock that stands until it is moved, in a year that the machine's clock is not in. */
function virtual() {
  let now = 0;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now as Millis,
    unix: () => (1_000_000_000_000 + now) as Millis,
    sleep: (ms) => new Promise((wake) => sleepers.push({ at: now + ms, wake })),
    timeout: systemClock.timeout,
  };
  const pass = (ms: number) => {
    now += ms;
    for (const one of sleepers.splice(0))
      if (one.at <= now) one.wake();
      else sleepers.push(one);
  };
  return { clock, pass };
}

test("a stream is listed when it is announced, and taken off when it was silent for 30 s on the clock that was given", async () => {
  const keys = await Keys.generate();
  const { clock, pass } = virtual();
  let hear: (body: Uint8Array) => void = () => {};
  const mesh = {
    subscribe: (_: unknown, handler: (message: { body: Uint8Array }) => void) => {
      hear = (body) => handler({ body });
    },
  } as unknown as Mesh;
  const told: string[][] = [];
  const own = new AbortController();
  liveStreams(mesh, (streams) => told.push(streams.map(({ title }) => title)), {
    clock,
    signal: own.signal,
  });
  const sealed = await sealAnnounce(keys, {
    stream: keys.publicKey,
    broadcaster: peerIdOf(keys.publicKey),
    addrs: [],
    title: "a stream of 2001",
    codec: "avc",
    segmentMs: 2_000,
    rungs: [],
    source: { name: "source", width: 1_280, height: 720, bitrate: 3_000_000 },
    audio: false,
    startedMs: clock.unix(),
    newest: 0,
    ended: false,
    atMs: clock.unix(),
  });
  hear(sealed);
  await expect.poll(() => told).toEqual([["a stream of 2001"]]);
  pass(ANNOUNCE_TTL_MS + 1);
  await expect.poll(() => told.at(-1)).toEqual([]);
  own.abort();
});
