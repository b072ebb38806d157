/*
 * npm run bench -- growth [--tabs N] [--seconds S]: N real tabs (100; 0 for arithmetic only) and two relays on this machine, WebSocket and WebRTC over loopback; what each
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
import { libp2p, type Mesh, Rates } from "@tabcast/mesh";
import {
  type Announce,
  type Entry,
  gossipRules,
  Keys,
  OFFERS_TOPIC,
  type Offer,
  offersTopic,
  offerTopicsOf,
  peersWire,
  type Signer,
  sealClosed,
  sealOffer,
} from "@tabcast/protocol";
import { secureRandom, systemClock } from "@tabcast/runtime";
import { openPublisher } from "../../src/broadcaster/publisher.ts";
import { liveStreams } from "../../src/viewer/live.ts";
import { load, type Network, offersEveryMs, type Sizes } from "./model.ts";
import { sample, sizesOf } from "./sizes.ts";
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
const TABS = flag("tabs", values.tabs, 0, 300);
const SECONDS = flag("seconds", values.seconds, 5, 600);
const RELAYS = 2;
/** Targets: milliseconds until the last of twenty newcomers is in; share of a core that an idle tab takes. */
const NEWCOMER_MS = 5_000;
const IDLE_CPU = 0.01;
/** Bits a second, each way, that an idle tab may hear, whether it works or not. */
const IDLE_BITS = 30e3;
const SEGMENT_MS = 2_000;
/** Tabs that have the list of streams open. */
const LISTING = 2;
const random = () => crypto.getRandomValues(new Uint8Array(32));
const { signal } = new AbortController();
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

/** Speaks for one stream as a broadcaster does: announcements, an entry for each segment, an offer as often as a crew makes one. */
async function openStream({ mesh }: Tab, workers: number): Promise<void> {
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
  const period = offersEveryMs(SEGMENT_MS, workers);
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
/** Tabs lost their relays: the machine had no time for so many of them. */
let fellApart = false;

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
  const cut = () => tabs.filter(({ mesh }) => mesh.relays().length < RELAYS).length;
  const cutBefore = cut();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const before = tabs.map(({ read }) => read());
  const relaysBefore = await Promise.all(relays.map((relay) => relay.read()));
  await sleep(SECONDS * 1_000);
  const relaysAfter = await Promise.all(relays.map((relay) => relay.read()));
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const lost = Math.max(cutBefore, cut());
  if (lost > 0) {
    fellApart = true;
    console.log(
      `machine-bound: ${lost} of ${tabs.length} tabs had lost a relay, so what follows is not judged`,
    );
  }
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

/** All tabs of the bench, what they do, and their relays. */
interface Crowd {
  readonly relays: readonly RelayProcess[];
  readonly addrs: readonly string[];
  readonly tabs: readonly Tab[];
  /** Half of the tabs broadcast, the others work; two of those look at the list instead. */
  readonly streams: readonly Tab[];
  readonly listing: readonly Tab[];
  readonly workers: readonly Tab[];
}

async function gather(): Promise<Crowd> {
  const first = await startRelay([]);
  const relays = [first, await startRelay(first.addrs)];
  const addrs = relays.flatMap((relay) => relay.addrs);
  const tabs: Tab[] = [];
  const began = performance.now();
  const together = 3; // more at once, and each waits for all others
  while (tabs.length < TABS) {
    const next = Array.from({ length: Math.min(together, TABS - tabs.length) }, () =>
      openTab(addrs),
    );
    tabs.push(...(await Promise.all(next)));
  }
  const half = Math.floor(TABS / 2);
  const [streams, listing] = [tabs.slice(0, half), tabs.slice(half, half + LISTING)];
  const workers = tabs.slice(half + LISTING);
  const met = () => median(tabs.map(({ mesh }) => mesh.neighbours().length));
  for (let waited = 0; met() < Rates.DEGREE && waited < 120; waited++) await sleep(1_000);
  for (const { mesh, keys } of workers)
    for (const topic of offerTopicsOf(keys.publicKey).keys())
      mesh.subscribe(topic, () => {}, { signal });
  await sleep(15_000);
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(`${TABS} tabs with ${met()} neighbours after ${seconds} s`);
  return { relays, addrs, tabs, streams, listing, workers };
}

const out = (counts: Counts, ms: number) => kbit(total(counts, "out"), ms);
/** The larger of both ways. */
const larger = (counts: Counts, ms: number) =>
  kbit(Math.max(total(counts, "out"), total(counts, "in")), ms);
const cpu = ({ tabCpu, relayCpu }: Measured) =>
  `  CPU of a tab ${(100 * tabCpu).toFixed(2)} %, of a relay ${(100 * relayCpu).toFixed(1)} % of a core, load ${loadavg()[0]?.toFixed(1)}`;

const here = (workers: number, more: Partial<Network> = {}): Network => ({
  tabs: TABS,
  streams: 0,
  workers,
  listing: 0,
  relays: RELAYS,
  segmentMs: SEGMENT_MS,
  ...more,
});

async function atRest({ tabs, relays, workers }: Crowd, sizes: Sizes): Promise<Measured> {
  const idle = await measure(tabs, relays);
  const { page, relayOut } = load(sizes, here(workers.length));
  const tab = median(idle.tabs.map((counts) => larger(counts, idle.ms)));
  const relay = Math.max(...idle.relays.map((counts) => out(counts, idle.ms)));
  print(`nothing on the air (kbit/s, the larger way), ${TABS} tabs`, [
    { figure: "idle tab", measured: tab, reckoned: page / 1_000 },
    { figure: "relay, out", measured: relay, reckoned: relayOut / 1_000 },
  ]);
  console.log(cpu(idle));
  console.log(`  a tab: ${protocols(idle.tabs[0] as Counts, idle.ms)}`);
  return idle;
}

async function onAir(crowd: Crowd, sizes: Sizes): Promise<void> {
  const { tabs, relays, streams, listing, workers } = crowd;
  await Promise.all(streams.map((tab) => openStream(tab, workers.length)));
  for (const { mesh } of listing)
    liveStreams(mesh, () => {}, { clock: systemClock, random: secureRandom, signal });
  await sleep(10_000);
  const busy = await measure(tabs, relays);
  const more = { streams: streams.length, listing: LISTING };
  const { worker, list, relayOut } = load(sizes, here(workers.length, more));
  const at = (some: readonly Tab[]) => some.map((tab) => busy.tabs[tabs.indexOf(tab)] as Counts);
  const of = (some: readonly Tab[]) => median(at(some).map((counts) => larger(counts, busy.ms)));
  const relay = Math.max(...busy.relays.map((counts) => out(counts, busy.ms)));
  print(`${streams.length} streams on the air (kbit/s, the larger way)`, [
    { figure: "idle worker", measured: of(workers), reckoned: worker / 1_000 },
    { figure: "tab on the list page", measured: of(listing), reckoned: list / 1_000 },
    { figure: "relay, out", measured: relay, reckoned: relayOut / 1_000 },
  ]);
  console.log(cpu(busy));
  console.log(`  a worker: ${protocols(at(workers)[0] as Counts, busy.ms)}`);
  console.log(`  a relay: ${protocols(busy.relays[0] as Counts, busy.ms)}`);
  stopped = true;
}

/** What the constants say of networks of any size. True if the targets are met: of idle tabs in all, of others at 1,000 tabs. */
function beyond(sizes: Sizes): boolean {
  console.log("reckoned (kbit/s)                idle page  idle worker  list page  relay out");
  let ok = true;
  for (const [tabs, streams] of [
    [100, 50],
    [1_000, 500],
    [5_000, 1_000],
    [10_000, 1_000],
  ] as const) {
    const listing = Math.ceil(tabs / 100);
    const relays = Math.max(RELAYS, Math.ceil(tabs / 2_500));
    const { page, worker, list, relayOut } = load(
      sizes,
      here(tabs - streams, { tabs, streams, listing, relays }),
    );
    const cells = [page, worker, list, relayOut].map((bits) => shown(bits / 1_000).padStart(11));
    console.log(`  ${tabs} tabs, ${streams} streams`.padEnd(32) + cells.join(""));
    ok &&= page <= IDLE_BITS && worker <= IDLE_BITS;
    if (tabs === 1_000) ok &&= list <= 100e3 && relayOut <= 10e6;
  }
  return ok;
}

async function bench(): Promise<boolean> {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);
  const sizes = await sizesOf(RELAYS);
  if (TABS === 0) return beyond(sizes);
  const crowd = await gather();
  const idle = await atRest(crowd, sizes);
  await onAir(crowd, sizes);
  const came = await newcomers(crowd.addrs, crowd.tabs[0] as Tab);
  const last = Math.max(...came);
  const late = came.filter((ms) => ms > NEWCOMER_MS).length;
  console.log(
    `20 newcomers at one tab: half after ${Math.round(median(came))} ms, the last after ${Math.round(last)} ms, ${late} later than ${NEWCOMER_MS} ms`,
  );
  const reckoned = beyond(sizes);
  return reckoned && !fellApart && idle.tabCpu <= IDLE_CPU && last <= NEWCOMER_MS;
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
