import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { type Clock, Millis, seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { type Node, superviseGossip, superviseMesh, superviseRelays } from "./supervise.ts";

const random = seededRandom(5, "supervise");
const ids = Array.from({ length: 12 }, () => peerIdFromPublicKey(random.bytes(32))).sort();
const id = (index: number) => ids[index] ?? "";
const relayAddress = (index: number) =>
  multiaddr(`/ip4/127.0.0.1/tcp/${9000 + index}/ws/p2p/${id(index)}`);

/** Time that moves when told. */
function virtualClock() {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => Millis.of(now),
    unix: () => Millis.of(now),
    timeout: () => new AbortController().signal,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        sleepers.push({ at: now + ms, wake: resolve });
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return {
    clock,
    async pass(ms: number) {
      const end = now + ms;
      await settle();
      while (true) {
        sleepers.sort((a, b) => a.at - b.at);
        if ((sleepers[0]?.at ?? Number.POSITIVE_INFINITY) > end) break;
        const next = sleepers.shift();
        now = Math.max(now, next?.at ?? 0);
        next?.wake();
        await settle();
      }
      now = end;
    },
  };
}

/** A node whose dials the test watches. */
function fakeNode(self: string, up: (peer: string) => boolean, known: [string, string[]][] = []) {
  const dials: string[] = [];
  const live = new Map<string, Multiaddr>();
  const events = new EventTarget();
  const node = {
    peerId: peerIdFromString(self),
    async dial(target: Multiaddr | Multiaddr[]) {
      const address = Array.isArray(target) ? target[0] : target;
      const peer = address?.toString().split("/p2p/").at(-1) ?? "";
      for (const one of Array.isArray(target) ? target : [target]) dials.push(one.toString());
      if (!up(peer) || address === undefined) throw new Error("refused");
      live.set(peer, address);
    },
    getConnections: () =>
      [...live].map(([peer, remoteAddr]) => ({
        id: `to ${peer}`,
        abort: () => live.delete(peer),
        status: "open",
        limits: undefined,
        remotePeer: peerIdFromString(peer),
        remoteAddr,
      })),
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
    peerStore: {
      get: async () => ({ protocols: ["/ipfs/id/1.0.0", "/meshsub/1.2.0"] }),
      all: async () =>
        known.map(([peer, addresses]) => ({
          id: peerIdFromString(peer),
          addresses: addresses.map((address) => ({ multiaddr: multiaddr(address) })),
        })),
    },
  } as unknown as Node;
  return {
    node,
    dials,
    live,
    drop(peer: string) {
      live.delete(peer);
      events.dispatchEvent(new Event("connection:close"));
    },
  };
}

test("a tab holds the wanted number of relays, and replaces one soon after it is lost", async () => {
  const { clock, pass } = virtualClock();
  const { node, live, drop } = fakeNode(id(11), () => true);
  const own = new AbortController();
  const running = superviseRelays(node, [0, 1, 2].map(relayAddress), 2, {
    clock,
    random: seededRandom(1),
    signal: own.signal,
  });
  await pass(100);
  expect(live.size).toBe(2);
  await pass(60_000);
  expect(live.size).toBe(2);
  drop([...live.keys()][0] ?? "");
  await pass(500);
  expect(live.size).toBe(2);
  own.abort();
  await pass(1);
  await running;
});

test("a tab asks a dead relay ever less often, and comes back when the relay does", async () => {
  const { clock, pass } = virtualClock();
  let up = false;
  const { node, dials, live } = fakeNode(id(11), () => up);
  const own = new AbortController();
  const running = superviseRelays(node, [relayAddress(0)], 1, {
    clock,
    random: seededRandom(1),
    signal: own.signal,
  });
  await pass(10_000);
  const early = dials.length;
  expect(early).toBeGreaterThanOrEqual(3);
  await pass(600_000);
  expect(dials.length - early).toBeLessThan(60);
  up = true;
  await pass(45_000);
  expect(live.size).toBe(1);
  own.abort();
  await pass(1);
  await running;
  const before = dials.length;
  await pass(600_000);
  expect(dials.length).toBe(before);
});

test("of two tabs the smaller id dials first, and only addresses that end in the peer's own id", async () => {
  const relay = relayAddress(0).toString();
  const circuit = `${relay}/p2p-circuit/webrtc`;
  const [small, large] = [id(1), id(2)];
  for (const [self, peer, wait] of [
    [small, large, 3_000],
    [large, small, 14_000],
  ] as const) {
    const { clock, pass } = virtualClock();
    const { node, dials } = fakeNode(self, () => true, [
      [peer, [`${circuit}/p2p/${peer}`, circuit, relay]],
      [id(3), [circuit]],
    ]);
    const own = new AbortController();
    const running = superviseMesh(node, 8, { clock, random: seededRandom(1), signal: own.signal });
    await pass(wait - 3_000);
    expect(dials).toEqual(wait === 3_000 ? [`${circuit}/p2p/${peer}`] : []);
    await pass(60_000);
    expect(dials).toEqual([`${circuit}/p2p/${peer}`]);
    own.abort();
    await pass(1);
    await running;
  }
});

test("a tab stops dialling when it has as many peers as it wants", async () => {
  const { clock, pass } = virtualClock();
  const known = [1, 2, 3, 4, 5, 6].map((i): [string, string[]] => [
    id(i),
    [`${relayAddress(0)}/p2p-circuit/webrtc/p2p/${id(i)}`],
  ]);
  const { node, live } = fakeNode(id(0), () => true, known);
  const own = new AbortController();
  const running = superviseMesh(node, 4, { clock, random: seededRandom(1), signal: own.signal });
  await pass(120_000);
  expect(live.size).toBe(4);
  own.abort();
  await pass(1);
  await running;
});

test("a connection without its gossip stream is ended, unless a request runs on it", async () => {
  const { clock, pass } = virtualClock();
  const { node, live } = fakeNode(id(0), () => true);
  for (const i of [1, 2, 3]) live.set(id(i), relayAddress(i));
  const heard = new Set([id(1), id(2), id(3)]);
  let request = true;
  const own = new AbortController();
  const running = superviseGossip(
    node,
    { gossips: () => heard, busy: ({ remotePeer }) => request && remotePeer.toString() === id(3) },
    { clock, random: seededRandom(1), signal: own.signal },
  );
  await pass(60_000);
  expect([...live.keys()]).toEqual([id(1), id(2), id(3)]);
  heard.delete(id(2));
  heard.delete(id(3));
  await pass(40_000);
  expect([...live.keys()]).toEqual([id(1), id(3)]);
  request = false;
  await pass(40_000);
  expect([...live.keys()]).toEqual([id(1)]);
  own.abort();
  await pass(1);
  await running;
});
