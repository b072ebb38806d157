import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from "@libp2p/circuit-relay-v2";
import type { Connection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { Millis, seededRandom, systemClock } from "@tabcast/runtime";
import { afterEach, expect, test } from "vitest";
import { brokenRelay } from "../testing/broken-relay.ts";
import { echo, openNodes, TOPIC } from "../testing/nodes.ts";
import { openProxy, type Way } from "../testing/proxy.ts";
import { plainWire } from "../testing/wire.ts";
import { connectTo, OK, readerOf, statusOf } from "./circuit.ts";
import { MOST_NAMED, type PeersWire } from "./discovery/types.ts";
import { messagePrefix } from "./frame.ts";
import type { Mesh, MeshEvent } from "./mesh.ts";
import type { TabNode } from "./node.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { QUIET_AFTER } from "./quiet.ts";
import type { Relay } from "./relay.ts";

const RESTART = "/tabcast/1/restart";
const SIGNALLING = "/webrtc-signaling/0.0.1";
const nodes = openNodes();
const random = seededRandom(13, "hostile");
afterEach(() => nodes.close());

const portOf = (address: string) => Number(address.split("/tcp/")[1]?.split("/")[0]);
const never = () => new AbortController().signal;

/** A way to a relay that counts who comes, and its address as a tab is given it. */
async function wayTo(relay: string, options = {}): Promise<Way & { address: string }> {
  const way = await openProxy(portOf(relay), options);
  nodes.closing(() => way.close());
  const address = relay.replace(`/tcp/${portOf(relay)}/`, `/tcp/${way.port}/`);
  return Object.assign(way, { address });
}

/** Connects a stranger to a tab; a WebRTC handshake of Node's is lost at times, and begun again. */
async function visit(node: TabNode, peer: string, address: string): Promise<Connection> {
  for (let left = 3; ; left--) {
    const signal = AbortSignal.timeout(8_000);
    try {
      return await node.services.direct.dial(multiaddr(address), { signal });
    } catch (thrown) {
      // What one end took for a connection may be none for the other.
      for (const one of node.getConnections())
        if (one.remotePeer.toString() === peer && one.limits == null) one.abort(new Error("lost"));
      if (left === 0) throw thrown;
    }
  }
}

/** Resolves at the first event for which `of` holds. */
function when(mesh: Mesh, of: (event: MeshEvent) => boolean): Promise<void> {
  const own = new AbortController();
  return new Promise((resolve) => {
    mesh.watch((event) => {
      if (!of(event)) return;
      own.abort();
      resolve();
    }, own);
  });
}

test("idle connections make room for a newcomer, and one with a request under way stays", async () => {
  const relay = await nodes.relay();
  const tab = await nodes.tab(relay.addrs, { connections: 4, degree: 0 });
  tab.serve(
    "/hang",
    async function* (request, { signal }) {
      yield request;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
    { signal: never() },
  );
  const none = { head: new Uint8Array(0), body: new Uint8Array(0) };
  const viewer = await nodes.tab(relay.addrs);
  const parts = viewer
    .request(tab.self, "/hang", none, { addrs: tab.addrs(), signal: never() })
    [Symbol.asyncIterator]();
  await parts.next();
  for (let i = 0; i < 6; i++) {
    const idle = await nodes.stranger(relay.addrs);
    await visit(idle, tab.self, tab.addrs()[0] ?? "");
  }
  const newcomer = await nodes.tab(relay.addrs);
  await echo(newcomer, tab.self, tab.addrs());
  const peers = () => tab.neighbours().filter(({ via }) => via === "webrtc");
  await expect.poll(() => peers().length).toBeLessThanOrEqual(4);
  expect(peers().map(({ peer }) => peer)).toEqual(
    expect.arrayContaining([viewer.self, newcomer.self]),
  );
}, 60_000);

test("handshakes that hang, more than a tab has places for, keep no newcomer out", async () => {
  const relay = await nodes.relay();
  const tab = await nodes.tab(relay.addrs);
  const { bytes } = peerIdFromString(tab.self).toMultihash();
  const strangers = Array.from({ length: 4 }, async () => {
    const stranger = await nodes.stranger(relay.addrs);
    const connection = await stranger.dial(multiaddr(relay.addrs[0]));
    for (let i = 0; i < 50; i++) {
      const way = await connection.newStream(RELAY_V2_HOP_CODEC);
      const reader = readerOf(way, never());
      way.send(connectTo(bytes));
      // From here on a handshake is due.
      if (statusOf(await reader.message()) !== OK) throw new Error("the relay refused");
    }
  });
  await Promise.all(strangers);
  const newcomer = await nodes.tab(relay.addrs);
  const took = await echo(newcomer, tab.self, tab.addrs());
  console.log(`a newcomer beside 200 handshakes that hang was in after ${took} ms`);
  expect(took).toBeLessThan(10_000);
}, 60_000);

test("one way through a relay leads to one WebRTC handshake at a time, however many are begun on it", async () => {
  const relay = await nodes.relay();
  const tab = await nodes.tab(relay.addrs);
  const stranger = await nodes.stranger(relay.addrs);
  await stranger.dial(multiaddr(relay.addrs[0]));
  const way = multiaddr(`${relay.addrs[0]}/p2p-circuit/p2p/${tab.self}`);
  const connection = await stranger.services.direct.dial(way, {
    signal: AbortSignal.timeout(20_000),
  });
  const begin = () => connection.newStream(SIGNALLING, { runOnLimitedConnection: true });
  const first = await begin();
  for (let n = 0; n < 5; n++) {
    const more = await begin().catch(() => undefined);
    await expect.poll(() => more?.status ?? "reset").toBe("reset");
  }
  expect(first.status).toBe("open");
}, 60_000);

test("who has no connection to a tab and asks it for a new way is refused before an offer is read", async () => {
  const relay = await nodes.relay();
  const tab = await nodes.tab(relay.addrs, { degree: 0 });
  const stranger = await nodes.stranger(relay.addrs);
  const way = multiaddr(`${relay.addrs[0]}/p2p-circuit/p2p/${tab.self}`);
  const signal = AbortSignal.timeout(10_000);
  const connection = await stranger.services.direct.dial(way, { signal });
  const stream = await connection.newStream(RESTART, { runOnLimitedConnection: true });
  const closed = new Promise((resolve) => stream.addEventListener("close", resolve));
  const began = performance.now();
  stream.send(messagePrefix({ head: new Uint8Array(0), body: new Uint8Array(16_384) }));
  await closed;
  // Whoever says no more is let go after eight seconds in any case.
  expect(performance.now() - began).toBeLessThan(7_000);
});

test("sockets that say nothing, more than a relay has places for, keep no tab out", async () => {
  const relay = await nodes.relay();
  const url = `ws://127.0.0.1:${portOf(relay.addrs[0] ?? "")}`;
  const open = Array.from({ length: 510 }, async () => {
    const socket = new WebSocket(url);
    nodes.closing(() => socket.close());
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  });
  await Promise.all(open);
  const began = performance.now();
  await nodes.tab(relay.addrs);
  const took = Math.round(performance.now() - began);
  console.log(`a tab beside 510 silent sockets had its slot after ${took} ms`);
  expect(took).toBeLessThan(10_000);
}, 60_000);

test("a peer that speaks the relays' protocol gets no reservation, and none in a relay's name", async () => {
  const relay = await nodes.relay();
  const [victim, hostile] = await Promise.all([
    nodes.stranger(relay.addrs),
    nodes.stranger(relay.addrs),
  ]);
  const asked: string[] = [];
  await hostile.handle(RELAY_V2_HOP_CODEC, (_, { remotePeer }) => {
    asked.push(remotePeer.toString());
  });
  const known = new Promise<void>((resolve) => {
    victim.addEventListener("peer:identify", ({ detail }) => {
      if (detail.peerId.equals(hostile.peerId) && detail.protocols.includes(RELAY_V2_HOP_CODEC))
        resolve();
    });
  });
  await victim.dial(multiaddr(relay.addrs[0]));
  await expect.poll(() => victim.getMultiaddrs().length, { timeout: 20_000 }).toBeGreaterThan(0);
  const address = `${relay.addrs[0]}/p2p-circuit/webrtc/p2p/${victim.peerId}`;
  const connection = await visit(hostile, victim.peerId.toString(), address);
  // Without its relay the victim lacks a slot.
  await relay.close();
  await known;
  await expect.poll(() => victim.getMultiaddrs().length, { timeout: 20_000 }).toBe(0);
  const stop = await connection.newStream(RELAY_V2_STOP_CODEC);
  const closed = new Promise((resolve) => stop.addEventListener("close", resolve));
  stop.send(new Uint8Array(1));
  await closed;
  // Whatever it opened before this has arrived before this.
  await victim.services.ping.ping(hostile.peerId, { signal: AbortSignal.timeout(10_000) });
  expect(asked).toEqual([]);
  expect(victim.getMultiaddrs()).toEqual([]);
}, 60_000);

test("a tab advertises the configured address of its relay, whatever the relay lists", async () => {
  const other = await nodes.relay();
  const listen = `/ip4/127.0.0.1/tcp/${portOf(other.addrs[0] ?? "")}/ws`;
  await other.close();
  const relay = await nodes.relay({
    listen: [listen],
    announce: [
      "/dns4/third.example.org/tcp/443/tls/ws",
      `/dns4/${"a".repeat(60)}.${"b".repeat(600)}.example.org/tcp/443/tls/ws`,
    ],
  });
  const configured = `${listen}/p2p/${relay.id}`;
  const [a, b] = await Promise.all([nodes.tab([configured]), nodes.tab([configured])]);
  expect(a.addrs()).toEqual([`${configured}/p2p-circuit/webrtc/p2p/${a.self}`]);
  await echo(b, a.self, a.addrs());
  // What libp2p tells of a node by itself is held to the same.
  const node = await nodes.stranger([configured]);
  await node.dial(multiaddr(configured));
  await expect.poll(() => node.getMultiaddrs().length, { timeout: 20_000 }).toBeGreaterThan(0);
  for (const address of node.getMultiaddrs())
    expect(address.toString().startsWith(`${configured}/p2p-circuit/`)).toBe(true);
}, 60_000);

test("one address that cannot be read, or leads elsewhere, does not keep a peer from being reached", async () => {
  const relay = await nodes.relay();
  const elsewhere = await wayTo(relay.addrs[0] ?? "");
  const [a, b] = await Promise.all([nodes.tab(relay.addrs), nodes.tab(relay.addrs)]);
  await echo(a, b.self, [
    "rubbish",
    `${elsewhere.address}/p2p-circuit/webrtc/p2p/${b.self}`,
    `/ip4/127.0.0.1/tcp/${elsewhere.port}/ws/p2p/${b.self}`,
    ...b.addrs(),
  ]);
  expect(elsewhere.count).toBe(0);
}, 60_000);

/** Tells of sixteen peers that do not exist, others each time, all at a relay of the configuration. */
const lying = (relay: () => string): PeersWire => ({
  ...plainWire,
  answer: () =>
    plainWire.answer({
      peers: Array.from({ length: MOST_NAMED }, () => ({
        peer: peerIdFromPublicKey(crypto.getRandomValues(new Uint8Array(32))),
        relays: [relay()],
      })),
      relays: [],
      populations: new Map(),
    }),
});

test("a fresh tab finds four neighbours within a minute, though one of its relays and two tabs name peers by the thousand that do not exist", async () => {
  const honest = await nodes.relay();
  const liar: Relay = await nodes.relay({ wire: lying(() => liar.id) });
  const both = [...honest.addrs, ...liar.addrs];
  const wire = plainWire;
  for (let n = 0; n < 5; n++) await nodes.tab(honest.addrs, { wire });
  for (let n = 0; n < 2; n++) await nodes.tab(honest.addrs, { wire: lying(() => honest.id) });
  const fresh = await nodes.tab(both, { wire });
  const began = performance.now();
  const met = () => fresh.neighbours().filter(({ via }) => via === "webrtc").length;
  await expect.poll(met, { timeout: 60_000 }).toBeGreaterThanOrEqual(4);
  console.log(`four neighbours after ${Math.round(performance.now() - began)} ms`);
}, 120_000);

test("a cold request of a tab whose relay names nobody but forged peers takes no longer", async () => {
  const relay: Relay = await nodes.relay({ wire: lying(() => relay.id) });
  const peer = await nodes.tab(relay.addrs);
  const tab = await nodes.tab(relay.addrs, { wire: plainWire });
  const took = await echo(tab, peer.self, peer.addrs());
  console.log(`a cold request among forged peers took ${took} ms`);
  expect(took).toBeLessThan(5_000);
}, 60_000);

test("a relay whose socket went dead is replaced, sooner when the network has just come back", async () => {
  const relays = await Promise.all([nodes.relay(), nodes.relay()]);
  for (const online of [false, true]) {
    const ways = await Promise.all(relays.map((relay) => wayTo(relay.addrs[0] ?? "")));
    const network = new EventTarget();
    const tab = await nodes.tab(
      ways.map(({ address }) => address),
      { relaySlots: 1, network },
    );
    const now = ways.find(({ address }) => tab.addrs()[0]?.startsWith(address));
    const other = relays.find(({ id }) => now?.address.includes(id) === false);
    const replaced = when(
      tab,
      (event) => event.type === "relays" && event.held.join() === other?.id,
    );
    const began = performance.now();
    now?.freeze();
    if (online) network.dispatchEvent(new Event("online"));
    await replaced;
    const took = Math.round(performance.now() - began);
    console.log(`another relay ${took} ms after a socket went dead${online ? ", online" : ""}`);
    // It takes 9 s and 5 s, as relays.test.ts has it, and a loaded machine longer.
    expect(took).toBeLessThan(online ? 15_000 : 20_000);
    expect(tab.addrs()).toHaveLength(1);
    await tab.close();
  }
}, 90_000);

test.each(["held", "nothing said"] as const)(
  "a relay that gives a slot and passes no call on (%s) is noticed, and another used",
  async (calls) => {
    const relays = [await brokenRelay(), await brokenRelay()];
    for (const relay of relays) nodes.closing(() => relay.close());
    const both = relays.flatMap(({ addrs }) => addrs);
    const tab = await nodes.tab(both, { relaySlots: 1 });
    const peer = await nodes.tab(both, { relaySlots: 2 });
    const now = relays.find(({ id }) => tab.addrs()[0]?.includes(id));
    const other = relays.find((relay) => relay !== now);
    const noticed = when(tab, (event) => event.type === "relays" && event.mute.length > 0);
    const replaced = when(
      tab,
      (event) => event.type === "relays" && event.held.join() === other?.id,
    );
    const began = performance.now();
    now?.hold(calls);
    await noticed;
    const took = Math.round(performance.now() - began);
    await replaced;
    const since = Math.round(performance.now() - began);
    console.log(
      `a mute relay was noticed after ${took} ms, and another held a slot after ${since}`,
    );
    // It takes 9 s at most, as relays.test.ts has it, and a loaded machine longer.
    expect(took).toBeLessThan(20_000);
    await echo(peer, tab.self, tab.addrs());
  },
  60_000,
);

test("a relay that brings no gossip while the other one does is told of, and one that does again is not", async () => {
  const [broken, relay] = [await brokenRelay(), await nodes.relay()];
  nodes.closing(() => broken.close());
  broken.passes.gossip = false;
  const both = [...broken.addrs, ...relay.addrs];
  const [teller, tab] = [await nodes.tab(both), await nodes.tab(both)];
  tab.subscribe(TOPIC, () => {}, { signal: never() });
  const telling = setInterval(() => void teller.publish(TOPIC, random.bytes(8)), 500);
  nodes.closing(() => clearInterval(telling));
  const told = (quiet: readonly string[]) =>
    when(tab, (event) => event.type === "relays" && event.quiet.join() === quiet.join());
  const began = performance.now();
  await told([broken.id]);
  console.log(`a quiet relay was told of after ${Math.round(performance.now() - began)} ms`);
  broken.passes.gossip = true;
  await told([]);
}, 90_000);

test("a relay that has each message later than the tab is set aside, gives a sign, and is not quiet", async () => {
  const near = await nodes.relay();
  const between = await wayTo(near.addrs[0] ?? "", { delay: 100 });
  const far = await nodes.relay({ peers: [between.address] });
  const way = await wayTo(far.addrs[0] ?? "", { delay: 40 });
  const teller = await nodes.tab(near.addrs);
  // Five seconds for the watch are one for gossip, which tells each second what it has.
  const clock = { ...systemClock, now: () => Millis.of(systemClock.now() * 5) };
  const both = [...near.addrs, way.address];
  const tab = await nodes.tab(both, { clock });
  await expect.poll(() => tab.relays().length, { timeout: 10_000 }).toBe(2);
  const quiet: (readonly string[])[] = [];
  tab.watch((event) => void (event.type === "relays" && quiet.push(event.quiet)), {
    signal: never(),
  });
  let heard = 0;
  const on = () => void heard++;
  tab.subscribe(TOPIC, on, { signal: never() });
  await expect.poll(() => teller.subscribers(TOPIC).length, { timeout: 10_000 }).toBe(1);
  // More than half a kilobyte: that a tab has it is told to who would send it.
  const telling = setInterval(() => void teller.publish(TOPIC, random.bytes(1_200)), 200);
  nodes.closing(() => clearInterval(telling));
  await expect.poll(() => heard, { timeout: 40_000 }).toBeGreaterThan(QUIET_AFTER + 30);
  expect(quiet.flat()).toEqual([]);
}, 60_000);

test("a way to a peer through a relay that holds no slot for the tab is closed when it is done", async () => {
  const relays = await Promise.all([nodes.relay(), nodes.relay()]);
  const both = relays.flatMap(({ addrs }) => addrs);
  const tab = await nodes.tab(both, { relaySlots: 1 });
  const foreign = relays.find(({ id }) => tab.addrs()[0]?.includes(id) === false);
  const peer = await nodes.tab(foreign?.addrs ?? []);
  expect(foreign?.stats().peers).toBe(1);
  await echo(tab, peer.self, peer.addrs());
  expect(foreign?.stats().peers).toBe(2);
  await expect.poll(() => foreign?.stats().peers, { timeout: 30_000 }).toBe(1);
  expect(await echo(tab, peer.self, [])).toBeGreaterThanOrEqual(0);
}, 60_000);

test("a relay's slot is free as soon as its tab has gone", async () => {
  const relay = await nodes.relay();
  const tabs = await Promise.all(Array.from({ length: 4 }, () => nodes.tab(relay.addrs)));
  expect(relay.stats().reservations).toBe(4);
  await Promise.all(tabs.map((tab) => tab.close()));
  await expect.poll(() => relay.stats().reservations, { timeout: 10_000 }).toBe(0);
}, 60_000);

test("what a tab says of itself when it is asked who it is names no address but its relays'", async () => {
  const relay = await nodes.relay();
  const tab = await nodes.tab(relay.addrs, { degree: 0 });
  const stranger = await nodes.stranger(relay.addrs);
  const [address = ""] = tab.addrs();
  const said = new Promise<readonly string[]>((resolve) =>
    stranger.addEventListener("peer:identify", ({ detail: { peerId, listenAddrs } }) => {
      if (peerId.toString() === tab.self) resolve(listenAddrs.map(String));
    }),
  );
  await visit(stranger, tab.self, address);
  const named = await said;
  expect(named.length).toBeGreaterThan(0);
  for (const one of named) expect(one.startsWith(`${relay.addrs[0]}/p2p-circuit`)).toBe(true);
});

test("a tab that comes again has its older connection ended, and keeps its slot", async () => {
  const relay = await nodes.relay();
  const [address = ""] = relay.addrs;
  const stranger = await nodes.stranger([address]);
  await stranger.dial(multiaddr(address));
  await expect.poll(() => relay.stats().reservations, { timeout: 20_000 }).toBe(1);
  const [older] = stranger.getConnections();
  const newer = await stranger.dial(multiaddr(address), { force: true });
  await expect.poll(() => older?.status).not.toBe("open");
  expect(newer.status).toBe("open");
  expect(relay.stats()).toMatchObject({ peers: 1, reservations: 1 });
});

test("a tab dials its relay anew at once when its network is another, and where it only may be asks first", async () => {
  const relay = await nodes.relay();
  const way = await wayTo(relay.addrs[0] ?? "");
  const network = new EventTarget();
  const tab = await nodes.tab([way.address], { degree: 0, network });
  expect(way.count).toBe(1);
  // It answers, so nothing has changed.
  network.dispatchEvent(new Event("change"));
  const left = when(tab, (event) => event.type === "relays" && event.held.length === 0);
  network.dispatchEvent(new Event("online"));
  await left;
  expect(way.count).toBe(2);
  await expect.poll(() => relay.stats()).toMatchObject({ peers: 1, reservations: 1 });
  // The slot of the dead connection is asked for again over the new one.
  await expect.poll(() => tab.addrs().length, { timeout: 10_000 }).toBe(1);
  way.freeze();
  const began = performance.now();
  network.dispatchEvent(new Event("change"));
  await expect.poll(() => way.count, { timeout: 10_000 }).toBeGreaterThan(2);
  // Without the event a dead socket is noticed after up to nine seconds.
  expect(performance.now() - began).toBeGreaterThan(1_500);
  expect(performance.now() - began).toBeLessThan(4_500);
});
