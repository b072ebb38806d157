import type { Mesh, Message } from "@tabcast/mesh";
import {
  ANNOUNCE_TTL_MS,
  type Announce,
  Keys,
  LiveReply,
  LiveRequest,
  type Loose,
  peerIdOf,
  type Signer,
  sealAnnounce,
} from "@tabcast/protocol";
import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { liveStreams } from "./live.ts";
import type { LiveStream } from "./types.ts";

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

const announce = async (
  keys: Signer,
  { clock, ...change }: { readonly clock: Clock } & Partial<Loose<Announce>>,
) =>
  sealAnnounce(keys, {
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
    ...change,
  });

/** A mesh whose relays answer from these lists, as they are when they are asked, and every question. */
function relays(lists: Readonly<Record<string, () => readonly Uint8Array[]>>) {
  const asked: (LiveRequest & { readonly source: string })[] = [];
  const mesh = {
    relays: () => Object.keys(lists),
    neighbours: () => [],
    async *request(source: string, _: string, { head }: Message) {
      const request = LiveRequest.decode(head);
      asked.push({ ...request, source });
      const all = lists[source]?.() ?? [];
      const announces = all.slice(request.from, request.from + request.most);
      yield { head: LiveReply.encode({ announces, total: all.length }), body: new Uint8Array() };
    },
  } as unknown as Mesh;
  return { mesh, asked };
}

test("a stream is listed when a relay lists it, and taken off when it was silent on the clock that was given", async () => {
  const keys = await Keys.generate();
  const { clock, pass } = virtual();
  const list = [await announce(keys, { clock })];
  const { mesh } = relays({ a: () => list });
  const told: LiveStream[][] = [];
  const own = new AbortController();
  liveStreams(mesh, (streams) => told.push([...streams]), { clock, signal: own.signal });
  await expect.poll(() => told.at(-1)?.map(({ title }) => title)).toEqual(["a stream of 2001"]);
  list.pop();
  pass(ANNOUNCE_TTL_MS + 5_000);
  await expect.poll(() => told.at(-1)).toEqual([]);
  own.abort();
});

test("an unlisted stream is not shown, though a relay lists it", async () => {
  const { clock } = virtual();
  const hidden = await announce(await Keys.generate(), { clock, unlisted: true });
  const list = [hidden, await announce(await Keys.generate(), { clock, title: "seen" })];
  const { mesh } = relays({ a: () => list });
  const told: LiveStream[][] = [];
  const own = new AbortController();
  liveStreams(mesh, (streams) => told.push([...streams]), { clock, signal: own.signal });
  await expect.poll(() => told.at(-1)?.map(({ title }) => title)).toEqual(["seen"]);
  own.abort();
});

test("a long list is asked for a page at a time, of the relays in turn, and begun again at its end", async () => {
  const { clock, pass } = virtual();
  const all = await Promise.all(
    Array.from({ length: 70 }, async (_, n) =>
      announce(await Keys.generate(), { clock, title: `${n}` }),
    ),
  );
  const { mesh, asked } = relays({ a: () => all, b: () => all });
  const listed: number[] = [];
  const own = new AbortController();
  const on = (streams: readonly LiveStream[]) => void listed.push(streams.length);
  liveStreams(mesh, on, { clock, signal: own.signal });
  for (let turn = 1; turn <= 7; turn++) {
    await expect.poll(() => listed.length).toBe(turn);
    pass(2_500);
  }
  expect(listed.slice(0, 7)).toEqual([32, 32, 64, 64, 70, 70, 70]);
  expect(asked.slice(0, 7).map(({ source, from, most }) => [source, from, most])).toEqual([
    ["a", 0, 32],
    ["b", 0, 32],
    ["a", 32, 32],
    ["b", 32, 32],
    ["a", 64, 32],
    ["b", 64, 32],
    ["a", 0, 32],
  ]);
  own.abort();
});

test("what a relay makes up is not listed, and a stream cannot say that it began before it was heard of", async () => {
  const { clock } = virtual();
  const [keys, stranger] = [await Keys.generate(), await Keys.generate()];
  const forged = await announce(stranger, { clock, stream: keys.publicKey, title: "forged" });
  const early = await announce(keys, { clock, title: "honest", startedMs: 0 });
  const { mesh } = relays({ liar: () => [new Uint8Array(9), forged, early] });
  const told: LiveStream[][] = [];
  const own = new AbortController();
  liveStreams(mesh, (streams) => told.push([...streams]), { clock, signal: own.signal });
  await expect.poll(() => told.at(-1)?.length).toBe(1);
  expect(told.at(-1)?.[0]).toMatchObject({
    title: "honest",
    startedAt: clock.unix() - 24 * 3_600_000,
  });
  own.abort();
});

const titled = (clock: Clock, count: number) =>
  Promise.all(
    Array.from({ length: count }, async (_, n) =>
      announce(await Keys.generate(), { clock, title: `${n}` }),
    ),
  );

/** Reads lists for so many turns, and says how many streams are listed then. */
async function listedAfter(
  turns: number,
  mesh: Mesh,
  { clock, pass }: ReturnType<typeof virtual>,
): Promise<number> {
  let [told, listed] = [0, 0];
  const own = new AbortController();
  const on = (streams: readonly LiveStream[]) => {
    told++;
    listed = streams.length;
  };
  liveStreams(mesh, on, { clock, signal: own.signal });
  for (let turn = 1; turn <= turns; turn++) {
    await expect.poll(() => told).toBe(turn);
    pass(2_500);
  }
  own.abort();
  return listed;
}

test("two relays that list in different orders hide no stream, though every second page is each one's", async () => {
  const time = virtual();
  const all = await titled(time.clock, 64);
  const [first, second] = [all.slice(0, 32), all.slice(32)];
  const { mesh } = relays({ a: () => [...first, ...second], b: () => [...second, ...first] });
  expect(await listedAfter(8, mesh, time)).toBe(64);
});

test("a relay that fails or has gone silent takes nothing from what the other one lists", async () => {
  const time = virtual();
  const all = await titled(time.clock, 70);
  const { mesh } = relays({
    a: () => all,
    dead: () => {
      throw new Error("it does not answer");
    },
  });
  expect(await listedAfter(3, mesh, time)).toBe(70);
});

test("a page that large announcements fill is read on from where it ended", async () => {
  const time = virtual();
  const all = await titled(time.clock, 40);
  const { mesh } = relays({ a: () => all });
  const cut = {
    ...mesh,
    async *request(source: string, protocol: string, message: Message) {
      const request = LiveRequest.decode(message.head);
      const head = LiveRequest.encode({ ...request, most: 7 });
      yield* mesh.request(source, protocol, { ...message, head }, {} as never);
    },
  } as unknown as Mesh;
  expect(await listedAfter(6, cut, time)).toBe(40);
});

test("the only relay is asked again at once after it failed, as it does when it is started again", async () => {
  const time = virtual();
  const all = await titled(time.clock, 3);
  let turns = 0;
  const { mesh } = relays({
    a: () => {
      if (++turns < 3) throw new Error("it is being started");
      return all;
    },
  });
  expect(await listedAfter(3, mesh, time)).toBe(3);
});
