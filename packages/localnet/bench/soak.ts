// npm run bench -- soak [--minutes=60]: a whole network broadcasts live at low resolution, and its memory is looked at.
// What a stream keeps on purpose (its last 256 MiB, for viewers and other workers) is counted apart: the rest must stay flat.
import { benchFlags } from "@tabcast/driver/bench";
import type { Page } from "playwright-core";
import { localnet } from "../src/localnet.ts";
import { treeMemory } from "../src/memory.ts";

const SAMPLE_MS = 10_000;
/** How much the rest may grow from the second quarter to the last one. */
const MOST_GROWTH = 1.05;
/**
 * Array buffers kept for each byte of picture that is published: broadcaster and worker keep it once each, the broadcaster
 * its sound besides. 2.5 measured; 3.4 when streams of finished requests were not let go of.
 */
const MOST_KEPT = 2.8;

/** Bytes at one moment. */
interface Sample {
  readonly minute: number;
  /** Resident, of this process and all its children: browser, chain, relay. */
  readonly resident: number;
  /** Script heaps and array buffers of the broadcaster's and the worker's page, after a collection. */
  readonly heaps: number;
  readonly buffers: number;
  readonly segments: number;
}

const { minutes = 60 } = benchFlags({ minutes: { type: "number", least: 1, most: 24 * 60 } });

const own = new AbortController();
process.on("SIGINT", () => own.abort(new Error("interrupted")));
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1).padStart(7);
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function looker(page: Page): Promise<() => Promise<{ heap: number; buffers: number }>> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  return async () => {
    await session.send("HeapProfiler.collectGarbage");
    const usage = (await session.send("Runtime.getHeapUsage")) as unknown as {
      usedSize: number;
      backingStorageSize: number;
    };
    return { heap: usage.usedSize, buffers: usage.backingStorageSize };
  };
}

const network = await localnet({ workers: 1, signal: own.signal });
try {
  const [worker] = network.workers;
  if (worker === undefined) throw new Error("the network has no worker");
  let segments = 0;
  let missed = 0;
  let published = 0;
  const began = performance.now();
  const live = await network.broadcast({
    size: { width: 320, height: 180 },
    ladder: "160x90@80,96x54@40",
    seconds: minutes * 60,
    pace: "live",
    on: (event) => {
      if (event.type === "captured") published += event.bytes;
      if (event.type !== "segment") return;
      segments++;
      if (event.gaps.length > 0 || event.lines.some(({ verified }) => !verified)) missed++;
      published += event.lines.reduce((sum, { bytes }) => sum + bytes, 0);
    },
  });
  const looks = [await looker(live.page), await looker(worker.page)];
  const samples: Sample[] = [];
  let over = false;
  const finished = live.finished.finally(() => {
    over = true;
    own.abort();
  });
  finished.catch(() => {}); // awaited below
  console.log("minute  segments  missed  resident  heaps  buffers (MiB)");
  while (!over) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SAMPLE_MS);
      own.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    if (over) break;
    if (own.signal.aborted) throw own.signal.reason;
    const seen = await Promise.all(looks.map((look) => look()));
    const sample: Sample = {
      minute: (performance.now() - began) / 60_000,
      resident: treeMemory(process.pid)?.bytes ?? 0,
      heaps: seen.reduce((sum, { heap }) => sum + heap, 0),
      buffers: seen.reduce((sum, { buffers }) => sum + buffers, 0),
      segments,
    };
    samples.push(sample);
    if (samples.length % 6 === 1)
      console.log(
        `${sample.minute.toFixed(1).padStart(6)}  ${String(segments).padStart(8)}  ${String(missed).padStart(6)}  ${mib(sample.resident)}  ${mib(sample.heaps)}  ${mib(sample.buffers)}`,
      );
  }
  const report = await finished;
  const quarter = (n: number, of: (sample: Sample) => number) =>
    median(
      samples.slice((n * samples.length) >> 2, ((n + 1) * samples.length) >> 2).map((s) => of(s)),
    );
  const rows = {
    resident: (sample: Sample) => sample.resident,
    "resident less buffers": (sample: Sample) => sample.resident - sample.buffers,
    heaps: (sample: Sample) => sample.heaps,
  };
  for (const [name, of] of Object.entries(rows))
    console.log(
      `${name.padEnd(22)} medians by quarter ${[0, 1, 2, 3].map((n) => mib(quarter(n, of))).join(" ")} MiB`,
    );
  console.log(
    `${segments} segments, ${missed} with a miss, ${mib(published).trim()} MiB published, ${report.mediaSeconds.toFixed(1)} s of media in ${(report.wallMs / 1000).toFixed(1)} s`,
  );
  const growth =
    quarter(3, rows["resident less buffers"]) / quarter(1, rows["resident less buffers"]);
  console.log(
    `growth from the second quarter to the last, without what is kept on purpose: ${growth.toFixed(3)} (at most ${MOST_GROWTH})`,
  );
  const kept = (samples.at(-1)?.buffers ?? 0) / published;
  console.log(`buffers kept for each byte published: ${kept.toFixed(2)} (at most ${MOST_KEPT})`);
  if (growth > MOST_GROWTH || kept > MOST_KEPT) process.exitCode = 1;
} finally {
  await network.close();
}
