import { type Connection, ConnectionFailedError } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { createDialler, DIALS, inOrder, MOST_DIALS, NEIGHBOUR_DIALS } from "./dialler.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { configuredRelays, idOf } from "./routes.ts";

const random = seededRandom(7, "dialler");
const id = () => peerIdFromPublicKey(random.bytes(32));
const [a, b, c] = [id(), id(), id()];
const relays = configuredRelays(
  [a, b, c].map((relay, i) => `/ip4/127.0.0.1/tcp/${9001 + i}/ws/p2p/${relay}`),
  { local: true },
);
const at = (relay: string, peer: string) =>
  `/dns4/anywhere.example.org/tcp/1/ws/p2p/${relay}/p2p-circuit/webrtc/p2p/${peer}`;

/** A dialler over a fake node: each dial of a peer waits until the test ends it. */
function field({
  connected = [] as string[],
  told = [] as string[],
  /** Relays whose sockets fail. */
  off = [] as string[],
} = {}) {
  const { clock, pass } = virtualClock();
  const own = new AbortController();
  const dials: {
    address: string;
    end: PromiseWithResolvers<Connection>;
    off: boolean;
    move(): void;
  }[] = [];
  const sockets: string[] = [];
  const node = {
    dial: async (addresses: Multiaddr | Multiaddr[]) => {
      for (const one of [addresses].flat()) sockets.push(idOf(one));
      if (off.includes(sockets.at(-1) ?? "")) throw new ConnectionFailedError("no socket");
    },
    getConnections: (peer?: unknown) =>
      peer === undefined
        ? connected.map((relay) => ({ status: "open", remotePeer: peerIdFromString(relay) }))
        : [],
    peerStore: {
      get: async () => ({ addresses: told.map((one) => ({ multiaddr: multiaddr(one) })) }),
    },
  } as unknown as Parameters<typeof createDialler>[0]["node"];
  const dialler = createDialler({
    node,
    relays,
    clock,
    signal: own.signal,
    direct: {
      dial(address, { signal, onProgress = () => {} }) {
        const end = Promise.withResolvers<Connection>();
        const dial = { address: address.toString(), end, off: false, move: onProgress };
        signal?.addEventListener("abort", () => {
          dial.off = true;
          end.reject(signal.reason);
        });
        dials.push(dial);
        return end.promise;
      },
    },
  });
  const dial = (peer: string, given: string[], signal = own.signal) => {
    const result = dialler.dial(peer, { given, signal });
    result.catch(() => {});
    return result;
  };
  const through = () => dials.map(({ address }) => address.split("/p2p/")[1]?.split("/")[0]);
  return { pass, own, dials, sockets, dialler, dial, through };
}

const connection = { close: async () => {} } as unknown as Connection;

test("a peer is dialled through the relays it names, 300 ms apart, under their configured addresses", async () => {
  const { pass, dials, dial, through } = field();
  const peer = id();
  const result = dial(peer, [at(a, peer), "rubbish", at(id(), peer), at(b, peer)]);
  await pass(299);
  expect(dials.map(({ address }) => address)).toEqual([relays.through(a, peer).toString()]);
  await pass(1);
  expect(through()).toEqual([a, b]);
  dials[1]?.end.resolve(connection);
  expect(await result).toBe(connection);
  await pass(0);
  expect(dials[0]?.off).toBe(true);
});

test("a relay that another overtook, or through which a dial hung, is asked last for a minute", async () => {
  const { pass, dials, dial, through } = field();
  const [one, two, three] = [id(), id(), id()];
  dial(one, [at(a, one), at(b, one)]);
  await pass(300);
  dials[1]?.end.resolve(connection);
  await pass(0);
  dial(two, [at(a, two), at(b, two)]);
  await pass(10);
  expect(through()).toEqual([a, b, b]);
  dials[2]?.end.resolve(connection);
  await pass(60_000);
  dial(three, [at(a, three), at(b, three)]);
  await pass(10);
  expect(through().at(-1)).toBe(a);
});

test("a dial that goes on, however slowly, is not begun again", async () => {
  const { pass, dials, dial } = field();
  const peer = id();
  dial(peer, [at(a, peer)]);
  await pass(5_000);
  dials[0]?.move();
  await pass(5_900);
  expect(dials).toHaveLength(1);
  await pass(300);
  expect(dials).toHaveLength(2);
});

test("a dial of which nothing came is begun again after 6 s and 12 s more, each given up after 15 s", async () => {
  const { pass, dials, dial } = field();
  const peer = id();
  const result = dial(peer, [at(a, peer)]);
  await pass(5_900);
  expect(dials).toHaveLength(1);
  await pass(300);
  expect(dials).toHaveLength(2);
  await pass(8_790);
  expect(dials.map(({ off }) => off)).toEqual([false, false]);
  await pass(10);
  expect(dials.map(({ off }) => off)).toEqual([true, false]);
  await pass(3_400);
  expect(dials).toHaveLength(3);
  await pass(15_000);
  expect(dials).toHaveLength(3);
  await expect(result).rejects.toThrow("30000 ms");
});

test("a dial is begun again through the relay where it last went on, not through one that hangs", async () => {
  const { pass, dials, dial } = field();
  const peer = id();
  dial(peer, [at(a, peer), at(b, peer)]);
  await pass(300);
  dials[1]?.move();
  await pass(6_300);
  const through = (relay: string) => relays.through(relay, peer).toString();
  expect(dials.map(({ address }) => address)).toEqual([through(a), through(b), through(b)]);
});

test("a handshake that failed is begun again, twice, after the other relays", async () => {
  const { pass, dials, dial, through } = field();
  const peer = id();
  const result = dial(peer, [at(a, peer), at(b, peer)]);
  const fail = (dial: number) => dials[dial]?.end.reject(new ConnectionFailedError("closed"));
  await pass(0);
  fail(0);
  await pass(0);
  expect(through()).toEqual([a, b]);
  await pass(300);
  expect(through()).toEqual([a, b, a]);
  fail(2);
  await pass(0);
  expect(through()).toEqual([a, b, a, a]);
  fail(3);
  await pass(30_000 - 301);
  expect(through()).toEqual([a, b, a, a]);
  await expect(result).rejects.toThrow("every attempt failed");
});

test("a dial is not begun again through a relay that leads nowhere, though it went on there last", async () => {
  const { pass, dials, dial, through } = field();
  const peer = id();
  dial(peer, [at(a, peer), at(b, peer)]);
  await pass(300);
  dials[0]?.move();
  dials[1]?.move();
  dials[1]?.end.reject(new Error("NO_RESERVATION"));
  await pass(6_000);
  expect(through()).toEqual([a, b, a]);
});

test("a relay whose socket fails is no handshake that failed: it is not dialled again", async () => {
  const { pass, sockets, dial } = field({ off: [a] });
  const peer = id();
  const result = dial(peer, [at(a, peer)]);
  await pass(0);
  await expect(result).rejects.toThrow("every attempt failed");
  expect(sockets).toEqual([a]);
});

test("where the first handshake has had its time, the dial is begun again where it went on, not through a relay that hangs", async () => {
  const { pass, dials, dial, through } = field();
  const peer = id();
  dial(peer, [at(a, peer), at(b, peer)]);
  await pass(300);
  dials[0]?.move();
  await pass(7_000);
  expect(through()).toEqual([a, b, a]);
  dials[2]?.move();
  await pass(22_000);
  expect(through()).toEqual([a, b, a, a]);
});

test("dials to one peer are joined, and end when nobody waits any more", async () => {
  const { pass, dials, dial } = field();
  const peer = id();
  const [first, second] = [new AbortController(), new AbortController()];
  const results = [first, second].map(({ signal }) => dial(peer, [at(a, peer)], signal));
  await pass(10);
  expect(dials).toHaveLength(1);
  first.abort(new Error("gone"));
  await expect(results[0]).rejects.toThrow("gone");
  expect(dials[0]?.off).toBe(false);
  second.abort();
  await pass(0);
  expect(dials[0]?.off).toBe(true);
});

test("who joins a dial and knows another relay has it tried too", async () => {
  const { pass, dial, through } = field();
  const peer = id();
  dial(peer, [at(a, peer)]);
  await pass(1_000);
  dial(peer, [at(b, peer)]);
  await pass(300);
  expect(through()).toEqual([a, b]);
});

test("peers that hang hold the requests' dials for six seconds, and no more than so many of them go on", async () => {
  const { pass, dials, dial, own } = field({ connected: [a] });
  for (let n = 0; n < 2 * MOST_DIALS; n++) dial(id(), [], own.signal);
  const peers = () => new Set(dials.map(({ address }) => address)).size;
  await pass(5_900);
  expect(peers()).toBe(DIALS);
  await pass(200);
  expect(peers()).toBe(2 * DIALS);
  await pass(6_100);
  expect(peers()).toBe(MOST_DIALS);
  await pass(6_100);
  expect(peers()).toBe(MOST_DIALS);
  await pass(12_000);
  expect(peers()).toBe(MOST_DIALS + DIALS);
});

test("dials to neighbours take half of the budget, and a request finds a place beside them", async () => {
  const peers = Array.from({ length: DIALS }, () => id());
  const { pass, dials, dialler, dial } = field({ connected: [a] });
  const visits = peers.map((peer) => dialler.visit(peer, []));
  for (const visit of visits) visit?.catch(() => {});
  await pass(10);
  expect(visits.filter((visit) => visit !== undefined)).toHaveLength(NEIGHBOUR_DIALS);
  expect(dials).toHaveLength(NEIGHBOUR_DIALS);
  for (let i = 0; i < DIALS - NEIGHBOUR_DIALS; i++) dial(id(), []);
  await pass(10);
  expect(dials).toHaveLength(DIALS);
  expect(dialler.visit(id(), [])).toBeUndefined();
  // One more waits for a place, and takes the first that is free.
  dial(id(), []);
  await pass(10);
  expect(dials).toHaveLength(DIALS);
  dials[0]?.end.resolve(connection);
  await pass(10);
  expect(dials).toHaveLength(DIALS + 1);
});

test("a peer that named no relay of ours is looked for at those that we are connected to, or nowhere", async () => {
  const peer = id();
  const near = field({ connected: [c, id()] });
  near.dial(peer, [at(id(), peer)]);
  await near.pass(10);
  expect(near.through()).toEqual([c]);
  const far = field();
  await expect(far.dial(peer, [at(id(), peer)])).rejects.toThrow("no configured relay leads to it");
});

test("relays that were named come first, connected ones before others, guesses after, late ones last", () => {
  const order = (named: string[], connected: string[], late: string[] = []) =>
    inOrder(named, new Set(connected), new Set(late));
  expect(order(["a", "b"], ["b", "c"])).toEqual(["b", "a", "c"]);
  expect(order(["a", "b"], ["b", "c"], ["b"])).toEqual(["a", "c", "b"]);
  expect(order([], [])).toEqual([]);
});
