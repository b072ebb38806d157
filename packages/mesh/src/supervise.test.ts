import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { type Node, superviseGossip, superviseRelays } from "./supervise.ts";

const random = seededRandom(5, "supervise");
const ids = Array.from({ length: 12 }, () => peerIdFromPublicKey(random.bytes(32))).sort();
const id = (index: number) => ids[index] ?? "";
const relayAddress = (index: number) =>
  multiaddr(`/ip4/127.0.0.1/tcp/${9000 + index}/ws/p2p/${id(index)}`);

/** A node whose dials the test watches. */
function fakeNode(self: string, up: (peer: string) => boolean) {
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

test("a relay stays connected to the others, and comes back to one soon after it is lost", async () => {
  const { clock, pass } = virtualClock();
  const { node, live, drop } = fakeNode(id(11), () => true);
  const own = new AbortController();
  const running = superviseRelays(node, [0, 1, 2].map(relayAddress), {
    clock,
    random: seededRandom(1),
    signal: own.signal,
  });
  await pass(100);
  expect(live.size).toBe(3);
  drop([...live.keys()][0] ?? "");
  await pass(500);
  expect(live.size).toBe(3);
  own.abort();
  await pass(1);
  await running;
});

test("a relay asks a dead one ever less often, and comes back when it does", async () => {
  const { clock, pass } = virtualClock();
  let up = false;
  const { node, dials, live } = fakeNode(id(11), () => up);
  const own = new AbortController();
  const running = superviseRelays(node, [relayAddress(0)], {
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
