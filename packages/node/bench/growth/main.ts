/*
 * npm run bench -- growth [--tabs N] [--seconds S]: real relays and tabs on this machine, WebSocket and WebRTC over loopback; what each
 * costs, beside what the code's constants say, and then what they say of networks that no machine holds. Bytes are those of libp2p's
 * streams: encryption, WebRTC and IP add theirs. Exits 1 if a target is missed.
 */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Hire } from "@tabcast/market";
import { libp2p, type Mesh } from "@tabcast/mesh";
import {
  type Announce,
  type Entry,
  gossipRules,
  Keys,
  OFFERS_TOPIC,
  type Offer,
  offersTopic,
  offerTopicsOf,
  peerIdOf,
  peersWire,
  type Signer,
  sealAnnounce,
  sealClosed,
  sealEntry,
  sealOffer,
} from "@tabcast/protocol";
import { secureRandom, systemClock } from "@tabcast/runtime";
import { revive } from "../../../protocol/src/testing.ts";
import messages from "../../../protocol/vectors/messages.json" with { type: "json" };
import { openPublisher } from "../../src/broadcaster/publisher.ts";
import { liveStreams } from "../../src/viewer/live.ts";
import { load, type Network, offersEveryMs, type Sizes } from "./model.ts";
import { type Counts, grown, tally, total } from "./tally.ts";

/** A whole number that a flag gives; a wrong one ends the bench with 2. */
function flag(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  console.error(`--${name} takes a whole number from ${least} to ${most}, got ${text}`);
  process.exit(2);
}

const options = {
  tabs: { type: "string", default: "100" },
  seconds: { type: "string", default: "40" },
} as const;
const { values } = parseArgs({ options });
const TABS = flag("tabs", values.tabs, 8, 300);
const SECONDS = flag("seconds", values.seconds, 5, 600);
const RELAYS = 2;
const SEGMENT_MS = 2_000;
/** Tabs that have the list of streams open. */
const LISTING = 2;
/** Gossipsub's own part of a message: author, number, topic, signature, key. Source: hostile.md, measured. */
const GOSSIP_BYTES = 190;
/** Ed25519 over the wire form, and the kind. */
const random = () => crypto.getRandomValues(new Uint8Array(32));
const { signal } = new AbortController();
const sample = <T>(name: string) =>
  revive(messages.find(({ message }) => message === name)?.value ?? {}) as T;
const closers: (() => unknown)[] = [];

interface Reading {
  readonly counts: Counts;
  readonly cpuMs: number;
}

interface RelayProcess {
  readonly addrs: readonly string[];
  read(): Promise<Reading>;
}

async function startRelay(peers: readonly string[]): Promise<RelayProcess> {
  const directory = await mkdtemp(join(tmpdir(), "tabcast-growth-"));
  const child = fork(fileURLToPath(new URL("relay.ts", import.meta.url)), [directory, ...peers], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  closers.push(
    () => child.kill("SIGKILL"),
    () => rm(directory, { recursive: true, force: true }),
  );
  const answer = <T>() =>
    new Promise<T>((resolve) => child.once("message", (m) => resolve(m as T)));
  const { addrs } = await answer<{ addrs: string[] }>();
  return {
    addrs,
    async read() {
      child.send("read");
      const { counts, cpuMs } = await answer<{ counts: [string, number][]; cpuMs: number }>();
      return { counts: new Map(counts), cpuMs };
    },
  };
}

interface Tab {
  readonly mesh: Mesh;
  readonly keys: Signer;
  readonly read: () => Counts;
}

/** Looks for neighbours, unless it comes only to ask. */
async function openTab(relays: readonly string[], asks = false): Promise<Tab> {
  const seed = random();
  const { meter, read } = tally();
  const mesh = await libp2p({
    seed,
    relays,
    iceServers: [],
    local: true,
    rules: gossipRules({ clock: systemClock }),
    ...(!asks && { wire: peersWire }),
    meter,
  });
  closers.push(() => mesh.close());
  await mesh.reachable({ signal: AbortSignal.timeout(240_000) });
  return { mesh, keys: await Keys.fromSeed(seed), read };
}

const sleep = (ms: number) => systemClock.sleep(ms);

/** Speaks for one stream as a broadcaster does: announcements, an entry for each segment, an offer whenever a lease is over. */
async function openStream({ mesh }: Tab): Promise<void> {
  const keys = await Keys.generate();
  const context = { mesh, clock: systemClock, random: secureRandom, signal };
  const {
    stream: _,
    broadcaster: __,
    addrs: ___,
    atMs: ____,
    ...facts
  } = sample<Announce>("Announce");
  const publisher = openPublisher(context, { keys, facts, failed() {} });
  const entry = sample<Entry>("Entry");
  const every = async (ms: number, first: number, run: (n: number) => Promise<unknown>) => {
    await sleep(first);
    for (let n = 0; !stopped; n++) {
      await run(n).catch(() => {});
      await sleep(ms);
    }
  };
  void every(SEGMENT_MS, Math.random() * SEGMENT_MS, (seq) => publisher.publish({ ...entry, seq }));
  const period = offersEveryMs(SEGMENT_MS);
  void every(period, Math.random() * period, async () => {
    const id = secureRandom.bytes(16);
    const parts = Hire.partsFor(mesh.population(OFFERS_TOPIC), 0);
    const topic = offersTopic(parts, id[0] ?? 0);
    const spoken = { stream: keys.publicKey, broadcaster: mesh.self };
    const offer = {
      ...sample<Offer>("Offer"),
      ...spoken,
      id,
      addrs: mesh.addrs(),
      atMs: Date.now(),
    };
    await mesh.publish(topic, await sealOffer(keys, offer));
    await sleep(1_000);
    await mesh.publish(topic, await sealClosed(keys, { offer: id, ...spoken }));
  });
}
let stopped = false;

async function sizesOf({ mesh }: Tab): Promise<Sizes> {
  const keys = await Keys.generate();
  const spoken = { stream: keys.publicKey, broadcaster: mesh.self };
  const addrs = mesh.addrs();
  const { byteLength: listed } = await sealAnnounce(keys, {
    ...sample<Announce>("Announce"),
    ...spoken,
    addrs,
  });
  const entry = await sealEntry(keys, { ...sample<Entry>("Entry"), ...spoken });
  const offer = await sealOffer(keys, { ...sample<Offer>("Offer"), ...spoken, addrs });
  const closed = await sealClosed(keys, { offer: new Uint8Array(16), ...spoken });
  const peers = Array.from({ length: 16 }, () => ({
    peer: peerIdOf(random()),
    relays: [mesh.self],
  }));
  const gossip = ({ byteLength }: Uint8Array) => byteLength + GOSSIP_BYTES;
  return {
    announce: listed + GOSSIP_BYTES,
    listed,
    entry: gossip(entry),
    offer: gossip(offer),
    closed: gossip(closed),
    peers: peersWire.answer({ peers, relays: [], populations: new Map() }).byteLength,
  };
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Measured {
  readonly ms: number;
  readonly tabs: readonly Map<string, number>[];
  readonly relays: readonly Map<string, number>[];
  readonly tabCpu: number;
  readonly relayCpu: number;
}

/** What everybody sent and got, and the CPU that it took, over so many seconds. */
async function measure(tabs: readonly Tab[], relays: readonly RelayProcess[]): Promise<Measured> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const before = tabs.map(({ read }) => read());
  const relaysBefore = await Promise.all(relays.map((relay) => relay.read()));
  await sleep(SECONDS * 1_000);
  const relaysAfter = await Promise.all(relays.map((relay) => relay.read()));
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const spent = relaysAfter.map(({ cpuMs }, i) => cpuMs - (relaysBefore[i]?.cpuMs ?? 0));
  return {
    ms,
    tabs: tabs.map(({ read }, i) => grown(before[i] as Counts, read())),
    relays: relaysAfter.map(({ counts }, i) => grown(relaysBefore[i]?.counts ?? new Map(), counts)),
    tabCpu: (user + system) / 1_000 / ms / tabs.length,
    relayCpu: Math.max(...spent) / ms,
  };
}

const kbit = (bytes: number, ms: number) => (8 * bytes) / ms;
const shown = (value: number) => (value < 10 ? value.toFixed(2) : Math.round(value).toString());

function protocols(counts: Counts, ms: number): string {
  return [...counts]
    .filter(([, bytes]) => kbit(bytes, ms) >= 0.05)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 6)
    .map(([key, bytes]) => `${key} ${shown(kbit(bytes, ms))}`)
    .join(", ");
}

interface Row {
  readonly figure: string;
  readonly measured: number;
  readonly reckoned: number;
}

function print(title: string, rows: readonly Row[]): void {
  console.log(title);
  for (const { figure, measured, reckoned } of rows)
    console.log(
      `  ${figure.padEnd(34)} measured ${shown(measured).padStart(8)}  reckoned ${shown(reckoned).padStart(8)}  ratio ${(measured / reckoned).toFixed(2)}`,
    );
}

/** Milliseconds until each of so many tabs that come at once has dialled one tab and been answered. */
async function newcomers(relays: readonly string[], host: Tab): Promise<number[]> {
  const echo = "/bench/echo";
  const nothing = { head: new Uint8Array(0), body: new Uint8Array(0) };
  host.mesh.serve(
    echo,
    async function* () {
      yield nothing;
    },
    { signal },
  );
  const all = await Promise.all(Array.from({ length: 20 }, () => openTab(relays, true)));
  return Promise.all(
    all.map(async ({ mesh }) => {
      const began = performance.now();
      const waits = { addrs: host.mesh.addrs(), signal: AbortSignal.timeout(30_000) };
      try {
        for await (const _ of mesh.request(host.mesh.self, echo, nothing, waits));
        return performance.now() - began;
      } catch {
        return Number.POSITIVE_INFINITY;
      }
    }),
  );
}

async function bench(): Promise<boolean> {
  const first = await startRelay([]);
  const relays = [first, await startRelay(first.addrs)];
  const addrs = relays.flatMap((relay) => relay.addrs);
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);
  const tabs: Tab[] = [];
  const opened = performance.now();
  for (let left = TABS; left > 0; left -= 3)
    tabs.push(
      ...(await Promise.all(Array.from({ length: Math.min(3, left) }, () => openTab(addrs)))),
    );
  // Half of them broadcast, the others work; two of those look at the list instead.
  const streams = Math.floor(TABS / 2);
  const listing = tabs.slice(streams, streams + LISTING);
  const workers = tabs.slice(streams + LISTING);
  const met = () => median(tabs.map(({ mesh }) => mesh.neighbours().length));
  for (let waited = 0; met() < Math.min(8, TABS - 1) && waited < 120; waited++) await sleep(1_000);
  for (const { mesh, keys } of workers)
    for (const topic of offerTopicsOf(keys.publicKey).keys())
      mesh.subscribe(topic, () => {}, { signal });
  await sleep(15_000);
  console.log(
    `${TABS} tabs with ${met()} neighbours after ${Math.round((performance.now() - opened) / 1_000)} s`,
  );
  const sizes = await sizesOf(tabs[0] as Tab);
  const of = (network: Partial<Network>): Network => ({
    tabs: TABS,
    streams: 0,
    workers: workers.length,
    listing: 0,
    relays: RELAYS,
    segmentMs: SEGMENT_MS,
    ...network,
  });
  const out = (counts: Counts, ms: number) => kbit(total(counts, "out"), ms);
  const ways = (counts: Counts, ms: number) =>
    kbit(Math.max(total(counts, "out"), total(counts, "in")), ms);

  const idle = await measure(tabs, relays);
  const rest = load(sizes, of({}));
  print(`nothing on the air (kbit/s, the larger way), ${TABS} tabs`, [
    {
      figure: "idle tab",
      measured: median(idle.tabs.map((tab) => ways(tab, idle.ms))),
      reckoned: rest.page / 1_000,
    },
    {
      figure: "relay, out",
      measured: Math.max(...idle.relays.map((relay) => out(relay, idle.ms))),
      reckoned: rest.relayOut / 1_000,
    },
  ]);
  console.log(
    `  CPU of a tab ${(100 * idle.tabCpu).toFixed(2)} %, of a relay ${(100 * idle.relayCpu).toFixed(1)} % of a core`,
  );
  console.log(`  a tab: ${protocols(idle.tabs[0] as Counts, idle.ms)}`);

  await Promise.all(tabs.slice(0, streams).map(openStream));
  for (const { mesh } of listing)
    liveStreams(mesh, () => {}, { clock: systemClock, random: secureRandom, signal });
  await sleep(10_000);
  const busy = await measure(tabs, relays);
  const on = load(sizes, of({ streams, listing: LISTING }));
  const at = (from: readonly Tab[]) => from.map((tab) => busy.tabs[tabs.indexOf(tab)] as Counts);
  print(`${streams} streams on the air (kbit/s, the larger way)`, [
    {
      figure: "idle worker",
      measured: median(at(workers).map((tab) => ways(tab, busy.ms))),
      reckoned: on.worker / 1_000,
    },
    {
      figure: "tab on the list page",
      measured: Math.max(...at(listing).map((tab) => ways(tab, busy.ms))),
      reckoned: on.list / 1_000,
    },
    {
      figure: "relay, out",
      measured: Math.max(...busy.relays.map((relay) => out(relay, busy.ms))),
      reckoned: on.relayOut / 1_000,
    },
  ]);
  console.log(
    `  CPU of all tabs ${(100 * busy.tabCpu).toFixed(2)} % each, of a relay ${(100 * busy.relayCpu).toFixed(1)} % of a core`,
  );
  console.log(`  a worker: ${protocols(at(workers)[0] as Counts, busy.ms)}`);
  console.log(`  a relay: ${protocols(busy.relays[0] as Counts, busy.ms)}`);
  stopped = true;

  const came = await newcomers(addrs, tabs[0] as Tab);
  console.log(
    `20 newcomers at one tab: the last in after ${Math.round(Math.max(...came))} ms (target 5000)`,
  );

  console.log("reckoned (kbit/s)                idle page  idle worker  list page  relay out");
  let ok = true;
  for (const [tabsThere, streamsThere] of [
    [100, 50],
    [1_000, 500],
    [5_000, 1_000],
    [10_000, 1_000],
  ] as const) {
    const big = load(
      sizes,
      of({
        tabs: tabsThere,
        streams: streamsThere,
        workers: tabsThere - streamsThere,
        listing: Math.ceil(tabsThere / 100),
        relays: Math.max(2, Math.ceil(tabsThere / 2_500)),
      }),
    );
    const cells = [big.page, big.worker, big.list, big.relayOut].map((bits) =>
      shown(bits / 1_000).padStart(11),
    );
    console.log(`  ${tabsThere} tabs, ${streamsThere} streams`.padEnd(32) + cells.join(""));
    if (tabsThere === 1_000)
      ok = big.page <= 30e3 && big.worker <= 30e3 && big.list <= 100e3 && big.relayOut <= 10e6;
  }
  return ok && idle.tabCpu <= 0.01 && Math.max(...came) <= 5_000;
}

process.on("uncaughtException", (thrown) => console.error(`escaped: ${thrown}`));
process.on("unhandledRejection", (thrown) => console.error(`escaped: ${thrown}`));
bench().then(
  (ok) => {
    if (!ok) console.log("a target is missed");
    for (const close of closers) void close();
    setTimeout(() => process.exit(ok ? 0 : 1), 1_000);
  },
  (error: unknown) => {
    console.error(error);
    for (const close of closers) void close();
    process.exit(1);
  },
);
