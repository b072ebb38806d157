import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { type Millis, systemClock } from "@tabcast/runtime";
import { afterEach, expect, test, vi } from "vitest";
import { openNodes } from "../testing/nodes.ts";
import {
  AT_REST,
  leaverOf,
  type RelayPlace,
  type RelayPlacesOptions,
  relayPlaces,
  TURN,
} from "./relay-places.ts";

// Loopback may hide any number of tabs; here it is one school's address.
vi.mock("./hosts.ts", async (original) => ({
  ...(await original<typeof import("./hosts.ts")>()),
  crowdOf: () => "one address",
}));

const now = 1_000_000;
/** One that has rested so long, and was opened so long ago, in milliseconds. */
const place = (id: string, of: { readonly rests: number; readonly old: number }, firm = false) => ({
  id,
  opened: now - of.old,
  used: now - of.rests,
  firm,
});
const out = (...places: readonly (RelayPlace & { readonly id: string })[]) =>
  leaverOf(places, now)?.id;

test("of one address the connection that has rested longest makes room, and never one with a slot", () => {
  const older = place("older", { rests: AT_REST + 1, old: AT_REST + 1 });
  const newer = place("newer", { rests: AT_REST, old: AT_REST });
  const inUse = place("in use", { rests: AT_REST - 1, old: TURN });
  const slot = place("slot", { rests: 2 * TURN, old: 2 * TURN }, true);
  expect(out(slot, inUse, newer, older)).toBe("older");
  expect(out(slot, inUse, newer)).toBe("newer");
  expect(out(slot)).toBeUndefined();
});

test("where all of an address are in use the oldest that has had its minute makes room", () => {
  const oldest = place("oldest", { rests: 0, old: TURN + 1 });
  const old = place("old", { rests: 0, old: TURN });
  const young = place("young", { rests: 0, old: TURN - 1 });
  expect(out(young, old, oldest)).toBe("oldest");
  expect(out(young, old)).toBe("old");
  expect(out(young)).toBeUndefined();
});

/** A relay's connections, with whose and from where they are; all are opened at zero. */
function among(...all: readonly [peer: string, crowd: string, protocols?: readonly string[]][]) {
  let now = 0;
  let told: (event: { readonly detail: Connection }) => void = () => {};
  const gone: string[] = [];
  const connections = all.map(
    ([peer, crowd, protocols = ["/meshsub/1.2.0"]]) =>
      ({
        crowd,
        status: "open",
        direction: "inbound",
        remotePeer: { toString: () => peer },
        streams: protocols.map((protocol) => ({ protocol })),
        abort: () => void gone.push(peer),
      }) as unknown as Connection,
  );
  const places = relayPlaces({
    node: {
      getConnections: () => connections,
      addEventListener: (_: string, on: typeof told) => {
        told = on;
      },
    } as unknown as RelayPlacesOptions["node"],
    crowdOf: (connection) => (connection as unknown as { crowd: string }).crowd,
    isFirm: (peer) => peer === "firm",
    clock: { ...systemClock, now: () => now as Millis },
  });
  for (const detail of connections) told({ detail });
  return {
    places,
    connections,
    gone,
    pass(ms: number) {
      now += ms;
    },
  };
}

test("only the newcomer's own address makes room, and of it who was asked lately stays", () => {
  const { places, connections, gone, pass } = among(["far", "B"], ["asks", "A"], ["rests", "A"]);
  expect(places.makeRoom("A")).toBe(false);
  pass(AT_REST - 1);
  places.asked(connections[1] as Connection);
  pass(1);
  expect([places.makeRoom("A"), gone]).toEqual([true, ["rests"]]);
});

test("who has a request or a way under way stays for its minute, and who is firm for good", () => {
  const busy = ["/meshsub/1.2.0", "/libp2p/circuit/relay/0.2.0/hop"];
  const { places, gone, pass } = among(["firm", "A"], ["busy", "A", busy]);
  pass(AT_REST);
  expect(places.makeRoom("A")).toBe(false);
  pass(TURN - AT_REST);
  expect([places.makeRoom("A"), gone]).toEqual([true, ["busy"]]);
});

const nodes = openNodes();
afterEach(() => nodes.close());

test("connections of an address keep nobody else there from its relay for longer than a minute, and who holds a slot stays", async () => {
  let passed = 0;
  const clock = { ...systemClock, now: () => (systemClock.now() + passed) as Millis };
  const relay = await nodes.relay({ slotsPerAddress: 2, clock });
  const [address = ""] = relay.addrs;
  const holders = await Promise.all([1, 2].map(() => nodes.tab(relay.addrs, { degree: 0 })));
  const come = async () => {
    const signal = AbortSignal.timeout(10_000);
    return (await nodes.stranger(relay.addrs)).dial(multiaddr(address), { signal });
  };
  const first = await Promise.all([come(), come()]);
  await expect(come()).rejects.toThrow();
  // As many as are there, and as many again, one after the other.
  for (let newcomer = 0; newcomer < 6; newcomer++) {
    passed += TURN;
    expect((await come()).status).toBe("open");
  }
  await expect.poll(() => first.filter(({ status }) => status === "open")).toEqual([]);
  for (const holder of holders) expect(holder.relays()).toEqual([relay.id]);
}, 60_000);
