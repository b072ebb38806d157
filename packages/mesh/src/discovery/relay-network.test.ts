import { multiaddr } from "@multiformats/multiaddr";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { virtualClock } from "../../testing/virtual-clock.ts";
import { openTurns } from "../turns.ts";
import { type RelayNetworkOptions, relayNetwork } from "./relay-network.ts";
import { MOST_NAMED } from "./types.ts";

const named = (name: string) => ({ toString: () => name });

/** A relay with peers from these addresses: all of them connected and subscribed, `slots` of them with a slot. */
function relay(
  hosts: readonly string[],
  { slots = hosts.length, others = 0, more = [] as readonly string[] } = {},
) {
  const { clock, pass } = virtualClock();
  const own = new AbortController();
  const seen = { looks: 0 };
  const address = (host: string) => multiaddr(`/ip4/${host}/tcp/1/ws`);
  const peers = hosts.map((host, n) => ({ peer: `peer${n}`, addr: address(host) }));
  const relays = Array.from({ length: others }, (_, n) => ({
    peer: `relay${n}`,
    addr: address(`192.0.2.${n}`),
  }));
  const connections = [...peers, ...relays].map(({ peer, addr }) => ({
    status: "open",
    remotePeer: named(peer),
    remoteAddr: addr,
  }));
  const node = {
    peerId: named("self"),
    getConnections: () => {
      seen.looks++;
      return connections;
    },
    services: { pubsub: { getSubscribers: () => peers.map(({ peer }) => named(peer)) } },
  } as unknown as RelayNetworkOptions["node"];
  const network = relayNetwork({
    node,
    others: new Set(relays.map(({ peer }) => peer)),
    topics: [
      "offers",
      "offers/4/3",
      ...Array.from({ length: 256 }, (_, n) => `streams/${n}`),
      ...more,
    ],
    slots: {
      reservations: new Map(
        peers.slice(0, slots).map(({ peer, addr }) => [peer, { addr } as never]),
      ),
    },
    wire: undefined,
    turns: openTurns({ clock }),
    clock,
    signal: own.signal,
  });
  const random = seededRandom(Number(process.env.SEED ?? 5));
  return { network, random, seen, pass, stop: () => own.abort() };
}

const many = (count: number) =>
  Array.from({ length: count }, (_, n) => `198.51.${n >> 8}.${n & 255}`);

test("a full relay looks at its connections once for all that is asked within a second", async () => {
  const { network, random, seen, pass, stop } = relay(many(5_000));
  for (let n = 0; n < 200; n++)
    expect(network.sample(`peer${n}`, random).peers).toHaveLength(MOST_NAMED);
  expect(seen.looks).toBeLessThanOrEqual(3);
  await pass(1_000);
  network.sample("peer1", random);
  expect(seen.looks).toBeLessThanOrEqual(6);
  stop();
});

test("peers from one address are named once, and counted as far as they hold slots", () => {
  const { network, random, stop } = relay(
    [...many(8), ...Array.from({ length: 1_000 }, () => "203.0.113.7")],
    { slots: 72 },
  );
  const { peers, populations } = network.sample("nobody", random);
  expect(peers.filter(({ peer }) => Number(peer.slice(4)) < 8)).toHaveLength(8);
  expect(populations.get("offers")).toEqual({ here: 72, all: 72 });
  stop();
});

test("of topics that are one of many parts nobody is told how many peers they have", () => {
  const { network, random, stop } = relay(many(8));
  expect([...network.sample("nobody", random).populations.keys()]).toEqual(["offers"]);
  stop();
});

test("of more topics than an answer holds the first thirty-two are counted", () => {
  const more = Array.from({ length: 40 }, (_, n) => `topic${n}`);
  const { network, random, stop } = relay(many(8), { more });
  const { populations } = network.sample("nobody", random);
  expect([...populations.keys()]).toEqual(["offers", ...more.slice(0, 31)]);
  stop();
});

test("a relay with more others than an answer holds names as many as fit", () => {
  const { network, random, stop } = relay([], { others: 20 });
  expect(network.sample("nobody", random).relays).toHaveLength(16);
  stop();
});

test("who brings something counts by its author's address where the author is here itself", () => {
  const { network, stop } = relay(["203.0.113.7", "198.51.100.4"]);
  expect(network.groupOf("peer1", "peer0")).toBe("203.0.113.7");
  expect(network.groupOf("peer1", "elsewhere")).toBe("198.51.100.4");
  stop();
});
