import { basename, join, resolve } from "node:path";
import { CodedError, describe } from "@tabcast/runtime";
import type { Args } from "./args.ts";
import { listen, onPort, relayDirectory } from "./command.ts";
import { readCrewLinks, writeLinks } from "./link-files.ts";
import { localnet } from "./localnet.ts";
import { type TreeMemory, treeMemory } from "./memory.ts";
import { type Out, openOut } from "./out.ts";
import type { Line, Printer } from "./printer.ts";
import { makeReport, type Report, shortcomings } from "./report.ts";
import type { Localnet, NetBroadcast, NetBroadcastOptions } from "./types.ts";

/** The run did not do all that it should. Do: read report.json, `npm run explain`. */
export class RunError extends CodedError<{ code: "NOT_ALL_DELIVERED" }> {}

/** Length of the scene when the command is to end by itself, in seconds. */
const sceneSeconds = 20;

/** The network on the port asked for, or on a free one where the usual port is taken and none was asked for. */
async function open(args: Args, printer: Printer, signal: AbortSignal): Promise<Localnet> {
  // Loaded where it is needed only: viem would otherwise come before the browser's start.
  const external = ["TABCAST_RPC", "TABCAST_CONTRACT", "TABCAST_CHAIN_ID"].some(
    (name) => process.env[name],
  );
  const chain = external ? (await import("./chain.ts")).externalChain(process.env) : undefined;
  const crewLinks = args.workerCrewLinks && (await readCrewLinks(args.workerCrewLinks));
  const start = (port: number): Promise<Localnet> =>
    localnet({
      port,
      workers: args.workers,
      codecs: [args.codec],
      ...(args.worker && { worker: args.worker }),
      relayDirectory,
      ...(args.currency === "usdc" && { currency: "USDC" }),
      ...(crewLinks && { crewLinks }),
      on: (event) => printer.print(event),
      signal,
      ...(chain === undefined ? {} : { chain }),
    });
  return onPort(args.port, start, (message) => printer.print({ type: "note", message }));
}

/** Takes the network's memory from time to time, and keeps the most. */
function watchMemory(): { peak(): TreeMemory | undefined; close(): void } {
  let peak: TreeMemory | undefined;
  const look = (): void => {
    // start.mjs belongs to the network's cost as well.
    const now = treeMemory(process.send === undefined ? process.pid : process.ppid);
    if (now !== undefined && now.bytes > (peak?.bytes ?? 0)) peak = now;
  };
  const timer = setInterval(look, 3_000);
  timer.unref();
  return {
    peak() {
      look();
      return peak;
    },
    close: () => clearInterval(timer),
  };
}

/** A network, a broadcast through it, and its end. Returns 0, or throws what went wrong; leaves nothing running. */
export async function run(args: Args, printer: Printer): Promise<number> {
  const ctrl = listen("stopped before the broadcast began");
  // A stream that libp2p resets at a bad moment throws outside every call (js-libp2p#3415); the network lives on.
  process.on("uncaughtException", (error) => {
    printer.print({ type: "note", message: `ignored: ${describe(error)}` });
  });
  const memory = watchMemory();
  if (args.workers === 0)
    process.stderr.write(
      "warning: no workers (--workers 0): every rung is encoded in the broadcaster's own tab, and nobody is paid\n",
    );
  const net = await open(args, printer, ctrl.stop);
  try {
    const out = args.out === undefined ? undefined : await openOut(args.out);
    let known: Extract<Line, { type: "source" }> | undefined;
    const onAir = await startBroadcast(net, args, out, (event) => {
      if (event.type === "source") {
        known = event;
        out?.source(event.info, event.rungs);
      }
      printer.print(event);
    });
    const { stream, keys } = onAir;
    if (keys !== undefined && args.links !== undefined)
      await writeLinks(args.links, net.origin, { stream, keys });
    printer.print({
      type: "links",
      links: {
        Watch: onAir.keys === undefined ? net.watchUrl(onAir.stream) : `in ${args.links}`,
        Earn: `${net.origin}/earn`,
        Broadcast: `${net.origin}/broadcast`,
        Network: `${net.origin}/network`,
      },
    });
    ctrl.whenStopped(() => {
      printer.print({
        type: "note",
        message: "stopping: what was captured is delivered and settled; once more to end at once",
      });
      void onAir.stop();
    });
    const broadcast = await onAir.finished;
    await out?.end();
    if (known === undefined) throw new TypeError("a broadcast without a source has finished");
    const report = makeReport({
      seed: args.seed,
      ...(args.input === undefined ? {} : { file: args.input }),
      info: known.info,
      codec: known.codec,
      segmentSeconds: args.segment,
      rungs: known.rungs,
      chain: net.chain,
      broadcast,
    });
    await out?.report(report);
    printer.print({
      type: "report",
      report,
      ...(args.out === undefined ? {} : { out: join(args.out, "master.m3u8") }),
    });
    const peak = memory.peak();
    if (peak !== undefined) printer.print({ type: "memory", peak });
    if (!args.exit && !ctrl.stop.aborted) {
      printer.print({ type: "note", message: "the input has ended; the pages stay until Ctrl-C" });
      await new Promise<void>((resolve) => ctrl.whenStopped(resolve));
    }
    return judge(report);
  } finally {
    memory.close();
    await net.close();
  }
}

function startBroadcast(
  net: Localnet,
  args: Args,
  out: Out | undefined,
  on: NonNullable<NetBroadcastOptions["on"]>,
): Promise<NetBroadcast> {
  const { input, ladder, codec, segment, pace, seed, workers, aac, hiring, visibility } = args;
  return net.broadcast({
    ...(input === undefined ? {} : { file: resolve(input), title: basename(input) }),
    ...(input === undefined && args.exit ? { seconds: sceneSeconds } : {}),
    ...(ladder === undefined ? {} : { ladder }),
    codec,
    segment,
    pace,
    seed,
    aac,
    wanted: Math.min(8, workers),
    ...(hiring && { hiring }),
    ...(visibility && { visibility }),
    on,
    ...(out === undefined
      ? {}
      : {
          recorder: {
            piece: (track, seq, what, bytes) => out.piece(track, seq, what, bytes),
            segment: (recorded) => out.segment(recorded),
          },
        }),
  });
}

function judge(report: Report): number {
  const found = shortcomings(report);
  if (found.length === 0) return 0;
  throw new RunError({ code: "NOT_ALL_DELIVERED" }, found.join("; "));
}
