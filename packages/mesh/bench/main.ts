/*
 * Two tabs in browser contexts of their own, 4 MB at a time: Mesh.request beside a raw data channel, in one run.
 * --runs (5) associations of each kind, --dials (40) dials. Exits 1 if a target is missed.
 */
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { benchFlags } from "@tabcast/driver/bench";
import { createRelay } from "@tabcast/mesh/relay";
import { call, openTabs } from "../testing/tabs.ts";

const SIZE = 4 * 1024 * 1024;
const { runs: RUNS = 5, dials: DIALS = 40 } = benchFlags({
  runs: { type: "number", least: 1, most: 1_000 },
  dials: { type: "number", least: 1, most: 10_000 },
});
const WARM = 6;
const TARGET_RATIO = 0.8;
const TARGET_COLD_MS = 1_000;
const TARGET_DIAL_MS = 5_000;

const closers: (() => Promise<unknown>)[] = [];
const rate = (ms: number) => SIZE / 1e6 / (ms / 1e3);
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);
const median = (list: readonly number[]) => sorted(list)[Math.floor(list.length / 2)] ?? Number.NaN;

async function bench(): Promise<boolean> {
  const tabs = await openTabs();
  closers.push(() => tabs.close());
  const relay = await createRelay({
    directory: join(tabs.scratch, "relay"),
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    topics: ["/tabcast/1/discovery"],
  });
  closers.push(() => relay.close());
  const [asker, holder] = [await tabs.open(), await tabs.open()];
  await call(holder, "hold", SIZE);
  await call(asker, "hold", SIZE);
  const relays = [...relay.addrs];

  const times = { rawCold: [], rawWarm: [], cold: [], warm: [], push: [] } as Record<
    "rawCold" | "rawWarm" | "cold" | "warm" | "push",
    number[]
  >;
  for (let run = 0; run < RUNS; run++) {
    const offer = await call(asker, "offer");
    await call(asker, "accept", await call(holder, "answer", offer));
    const { peer, addrs } = await call(holder, "join", relays);
    await call(asker, "join", relays);
    await call(asker, "touch", peer, [...addrs]);
    const raw = async (list: number[]) => list.push(await call(asker, "rawFetch", SIZE));
    const mesh = async (list: number[]) => list.push(await call(asker, "fetch", peer, SIZE));
    // In turns, and each goes first as often: whatever else the machine does then slows both alike.
    const turns = async (ofRaw: number[], ofMesh: number[], rawFirst: boolean) => {
      if (rawFirst) await raw(ofRaw);
      await mesh(ofMesh);
      if (!rawFirst) await raw(ofRaw);
    };
    await turns(times.rawCold, times.cold, run % 2 === 0);
    for (let i = 0; i < WARM; i++) {
      await turns(times.rawWarm, times.warm, i % 2 === 0);
      times.push.push(await call(asker, "push", peer));
    }
    await call(asker, "hangUp");
    await call(holder, "hangUp");
    await call(asker, "leave");
    await call(holder, "leave");
  }

  const dials: number[] = [];
  const { peer, addrs } = await call(holder, "join", relays);
  for (let i = 0; i < DIALS; i++) {
    await call(asker, "join", relays);
    dials.push(await call(asker, "touch", peer, [...addrs]));
  }

  const row = (name: string, list: readonly number[], of?: readonly number[]) => {
    const [least, most] = [Math.min(...list), Math.max(...list)];
    return {
      what: name,
      runs: list.length,
      "median ms": Math.round(median(list)),
      "min ms": Math.round(least),
      "max ms": Math.round(most),
      "MB/s": Number(rate(median(list)).toFixed(1)),
      "of raw": of === undefined ? "" : (median(of) / median(list)).toFixed(2),
    };
  };
  console.log(
    `mesh: ${SIZE} bytes at a time, ${cpus().length} cores at load ${loadavg()[0]?.toFixed(1)}, ${tabs.browser.version()}`,
  );
  console.table([
    row("raw, first of a connection", times.rawCold),
    row("mesh, first of a connection", times.cold, times.rawCold),
    row("raw, later", times.rawWarm),
    row("mesh, later", times.warm, times.rawWarm),
    row("mesh, later, as a request's body", times.push, times.rawWarm),
  ]);
  const slow = dials.filter((ms) => ms > TARGET_DIAL_MS).length;
  console.log(
    `mesh: ${DIALS} dials through a relay: median ${Math.round(median(dials))} ms, slowest ${Math.round(Math.max(...dials))} ms`,
  );
  console.log(
    `mesh: a page with libp2p() and nothing else: ${Math.round(tabs.zipped / 1000)} kB gzipped`,
  );
  const verdicts: [string, boolean][] = [
    [
      `later transfers ≥ ${TARGET_RATIO} of raw`,
      median(times.rawWarm) / median(times.warm) >= TARGET_RATIO,
    ],
    [
      `first transfers ≥ ${TARGET_RATIO} of raw`,
      median(times.rawCold) / median(times.cold) >= TARGET_RATIO,
    ],
    [`no first transfer over ${TARGET_COLD_MS} ms`, Math.max(...times.cold) <= TARGET_COLD_MS],
    [`no dial over ${TARGET_DIAL_MS} ms`, slow === 0],
  ];
  for (const [claim, holds] of verdicts)
    console.log(`mesh: ${holds ? "ok    " : "MISSED"} ${claim}`);
  return verdicts.every(([, holds]) => holds);
}

try {
  process.exitCode = (await bench()) ? 0 : 1;
} finally {
  for (const close of closers.reverse()) await close();
}
