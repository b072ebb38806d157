/*
 * npm run bench -- uplink: a minute, in Node. A broadcaster's uplink of 10 Mbit/s, of which its segments take half, and 30 strangers that
 * each ask for 32 MiB sixteen times and take what comes. Counts segments that are not with their worker when they are of no use any more.
 * Exits 1 if a segment is missed beside strangers that is not without them.
 */
import { type Mesh, memory, memoryNetwork, type Rank } from "@tabcast/mesh";
import { Get, PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { type Bytes, sha256, systemClock, toHex } from "@tabcast/runtime";
import { openBlobStore } from "../src/blob-store.ts";
import { serveBlobs } from "../src/exchange.ts";

const SEGMENTS = 10;
const STRANGERS = 30;
const UPLINK = 1_250_000;
const SEGMENT_MS = 2_000;
/** Time after which a segment is of no use, in milliseconds. Source: a live stream's pace. */
const SLACK_MS = 4_000;
const nothing = new Uint8Array(0);
const segment = new Uint8Array((UPLINK * SEGMENT_MS) / 2_000);
const large = new Uint8Array(32 * 2 ** 20);

interface Row {
  readonly sent: number;
  readonly missed: number;
  readonly slowestMs: number;
  readonly strangersMbit: number;
}

/** One stream beside so many strangers; its segments go as those of `rank`. */
async function run(strangers: number, rank: Rank): Promise<Row> {
  const done = new AbortController();
  const { signal } = done;
  const open: Mesh[] = [];
  const network = memoryNetwork({
    uplink: (peer) => (peer === open[0]?.self ? UPLINK : undefined),
  });
  const enter = () => {
    const seed = new Uint8Array(32).fill(1 + open.length);
    const mesh = memory(network, { self: peerIdOf(seed) });
    open.push(mesh);
    return mesh;
  };
  const tab = enter();
  const blobs = openBlobStore();
  const hash = await sha256(large);
  blobs.put(toHex(hash), large);
  serveBlobs(tab, blobs, signal);
  const workers = [enter(), enter()];
  for (const worker of workers)
    worker.serve(
      "/job",
      async function* () {
        yield { head: nothing, body: nothing };
      },
      { signal, maxBody: 8e6 as Bytes, admit: () => ({ rank: "own" }) },
    );
  let bytes = 0;
  const heard = (more: number) => {
    bytes += more;
  };
  const take = async (mesh: Mesh) => {
    const message = { head: Get.encode({ hash }), body: nothing };
    for await (const _ of mesh.request(tab.self, PROTOCOLS.get, message, { signal, heard }));
  };
  for (let i = 0; i < strangers; i++) {
    const mesh = enter();
    for (let ask = 0; ask < 16; ask++) void take(mesh).catch(() => {});
  }
  const times: number[] = [];
  const began = systemClock.now();
  const sends = Array.from({ length: SEGMENTS }, async (_, seq) => {
    await systemClock.sleep(seq * SEGMENT_MS);
    const sentAt = systemClock.now();
    const worker = workers[seq % 2] as Mesh;
    const limit = AbortSignal.any([signal, systemClock.timeout(SLACK_MS)]);
    const message = { head: nothing, body: segment };
    for await (const _ of tab.request(worker.self, "/job", message, { signal: limit, rank }))
      times.push(systemClock.now() - sentAt);
  });
  const missed = (await Promise.allSettled(sends)).filter(({ status }) => status === "rejected");
  const strangersMbit = (bytes * 8) / 1_000 / (systemClock.now() - began);
  done.abort(new Error("over"));
  await Promise.all(open.map((mesh) => mesh.close()));
  return { sent: SEGMENTS, missed: missed.length, slowestMs: Math.max(0, ...times), strangersMbit };
}

const alone = await run(0, "own");
const beside = await run(STRANGERS, "own");
const equal = await run(STRANGERS, "stranger");
const row = (what: string, { sent, missed, slowestMs, strangersMbit }: Row) => ({
  what,
  segments: sent,
  missed,
  "slowest ms": Math.round(slowestMs),
  "strangers Mbit/s": Number(strangersMbit.toFixed(1)),
});
console.table([
  row("without strangers", alone),
  row(`beside ${STRANGERS} strangers`, beside),
  row("the same, segments in turn with strangers", equal),
]);
const holds = beside.missed <= alone.missed;
console.log(`uplink: ${holds ? "ok    " : "MISSED"} no segment more is missed beside strangers`);
process.exitCode = holds ? 0 : 1;
