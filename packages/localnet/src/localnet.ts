import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CodecName } from "@tabcast/media";
import type { Relay, RelayStats } from "@tabcast/mesh/relay";
import type { NetworkConfig } from "@tabcast/node/config";
import type { BroadcastEvent, BroadcastReport, WorkerEvent } from "@tabcast/node/types";
import { CodedError, type Wei } from "@tabcast/runtime";
import type { Page } from "playwright-core";
import { openTabs, type Tab, type Tabs } from "./browser.ts";
import type { Chain, ExternalChain } from "./chain.ts";
import { chromiumPath } from "./chromium.ts";
import type { RecordedSegment, WorkerStarted } from "./headless.ts";
import type { Plain } from "./report.ts";
import { type Recorded, servePages } from "./server.ts";

/** What a network says while it starts and runs. */
export type NetEvent =
  | {
      readonly type: "chain";
      readonly id: number;
      readonly rpc: string;
      readonly contract: string;
      readonly local: boolean;
    }
  | { readonly type: "relay"; readonly id: string; readonly addrs: readonly string[] }
  | { readonly type: "pages"; readonly origin: string; readonly browser: string }
  | ({ readonly type: "worker"; readonly name: string } & WorkerStarted)
  | { readonly type: "working"; readonly name: string; readonly event: Plain<WorkerEvent> }
  | { readonly type: "broken"; readonly tab: string; readonly message: string }
  | { readonly type: "warped"; readonly until: number; readonly seconds: number };

export interface LocalnetOptions {
  /** Headless worker tabs to start with. Default 0. */
  readonly workers?: number;
  /** Families that workers measure. Default avc alone. */
  readonly codecs?: readonly CodecName[];
  /** Port of the pages; 0 takes a free one. Default 0. */
  readonly port?: number;
  /** Where the relay's key lies. Default: a folder that goes with the network. */
  readonly relayDirectory?: string;
  /** The built pages. Default: apps/web/dist of this repository. */
  readonly pages?: string;
  /** Path of Chromium. Default: TABCAST_CHROMIUM, or Debian's. */
  readonly chromium?: string;
  readonly chromiumFlags?: readonly string[];
  /** Pay on somebody else's chain instead of our own. */
  readonly chain?: ExternalChain;
  readonly on?: (event: NetEvent) => void;
  /** Ends the start; a network that stands is ended by `close`. */
  readonly signal?: AbortSignal;
}

/** A worker in a page of its own. */
export interface WorkerTab extends WorkerStarted {
  readonly name: string;
  readonly page: Page;
  /** Says goodbye and closes the page. May be called twice. */
  close(): Promise<void>;
}

export interface NetBroadcastOptions {
  /** A media file; undefined is the built-in scene. */
  readonly file?: string;
  readonly title?: string;
  /** Length of the scene; without it the scene never ends. */
  readonly seconds?: number;
  /** Of the scene, in pixels. Default 1280x720. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly ladder?: string;
  readonly codec?: CodecName;
  /** Seconds. Default 2. */
  readonly segment?: number;
  readonly pace?: "live" | "fast";
  readonly seed?: number;
  /** Publishes sound that is Opus as AAC too. Default false. */
  readonly aac?: boolean;
  /** Workers to hire, 0 to 8. Default: as many as there are, at most 8. */
  readonly wanted?: number;
  /** Wei for the pot. Default `usualDeposit`. */
  readonly deposit?: Wei;
  readonly on?: (event: Plain<BroadcastEvent>) => void;
  /** Takes every published piece, then the segment that they make. Awaited, so it slows the input. */
  readonly recorder?: {
    piece(track: string, seq: number, what: "init" | "media", bytes: Buffer): Promise<void>;
    segment(segment: RecordedSegment): Promise<void>;
  };
}

/** A broadcast by a page of this network. */
export interface NetBroadcast {
  readonly stream: string;
  readonly peer: string;
  readonly page: Page;
  /** Ends the input. May be called twice. */
  stop(): Promise<void>;
  /** Resolves when everything is delivered and settled; rejects with BROADCAST_FAILED. */
  readonly finished: Promise<Plain<BroadcastReport>>;
}

/** A broadcast ended without a report; `inner` is the code that the page gave. Do: look that code up here. */
export class BroadcastError extends CodedError<{ code: "BROADCAST_FAILED"; inner: string }> {}

/** A whole network on this machine. */
export interface Localnet {
  /** Address of the pages, without a slash at the end. */
  readonly origin: string;
  readonly config: NetworkConfig;
  readonly chain: Chain;
  relay(): { readonly id: string; readonly addrs: readonly string[]; readonly stats: RelayStats };
  readonly workers: readonly WorkerTab[];
  addWorker(): Promise<WorkerTab>;
  broadcast(options: NetBroadcastOptions): Promise<NetBroadcast>;
  /** Stops the relay and starts it again with its key and port, as after a crash. */
  restartRelay(): Promise<void>;
  /** A Watch link. */
  watchUrl(stream: string): string;
  /** Leaves no process, no port and no temporary file. May be called twice. */
  close(): Promise<void>;
}

const builtPages = fileURLToPath(new URL("../../../apps/web/dist", import.meta.url));
/** Milliseconds a worker's tab may take to find the relay and to measure itself. */
const workerPatience = 30_000;

/** Starts chain, contract, relay, pages and workers; what has started is closed again if a later part fails. */
export async function localnet(options: LocalnetOptions = {}): Promise<Localnet> {
  const { on = () => {}, codecs = ["avc"], signal = new AbortController().signal } = options;
  const path = options.chromium ?? chromiumPath(process.env);
  const closers: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      // Last started, first ended: pages say goodbye while the relay still stands.
      for (const end of closers.reverse()) await end().catch(() => {});
    })();
    return closing;
  };

  try {
    let config: NetworkConfig | undefined;
    let chainNow: Chain | undefined;
    const recorders = new Map<string, (piece: Recorded) => Promise<void>>();
    // The port first: it is the likeliest to fail, and nothing has been started yet.
    const server = await servePages({
      pages: options.pages ?? builtPages,
      port: options.port ?? 0,
      config: () => config,
      ...(options.chain === undefined
        ? {
            faucet: async (address: string) => {
              const sent = await chainNow?.local?.faucet(address);
              return { sentWei: String(sent?.sent ?? 0) };
            },
          }
        : {}),
      record: async (piece) => {
        const take = recorders.get(piece.token);
        await take?.(piece);
        return take !== undefined;
      },
    });
    closers.push(() => server.close());

    const relayDirectory =
      options.relayDirectory ?? (await mkdtemp(join(tmpdir(), "tabcast-relay-")));
    if (options.relayDirectory === undefined)
      closers.push(() => rm(relayDirectory, { recursive: true, force: true }));
    const startRelay = async (port: number): Promise<Relay> => {
      const [{ createRelay }, { TOPICS }] = await Promise.all([
        import("@tabcast/mesh/relay"),
        import("@tabcast/protocol"),
      ]);
      return createRelay({
        directory: relayDirectory,
        listen: [`/ip4/127.0.0.1/tcp/${port}/ws`],
        topics: TOPICS,
      });
    };
    // Somebody else's chain can be wrong in many ways; ours can only be slow, so it starts beside the rest.
    const external =
      options.chain === undefined
        ? undefined
        : await (await import("./chain.ts")).openExternalChain(options.chain, { signal });
    const openChain = async (): Promise<Chain> =>
      external ?? (await import("./chain.ts")).openLocalChain({ signal });

    // The browser is the slowest to start, and does it in other processes while this one loads the rest.
    // Each is closed even if another of them fails.
    const opening = [
      openTabs({ path, extraFlags: options.chromiumFlags ?? [] }),
      openChain(),
      startRelay(0),
    ] as const;
    const [tabs, chain, firstRelay] = await Promise.all(opening).catch(async (error) => {
      for (const part of await Promise.allSettled(opening))
        if (part.status === "fulfilled") await part.value.close();
      throw error;
    });
    chainNow = chain;
    let relay: Relay = firstRelay;
    closers.push(
      () => chain.close(),
      () => relay.close(),
      () => tabs.close(),
    );
    signal.throwIfAborted();
    on({
      type: "chain",
      id: chain.id,
      rpc: chain.local === undefined ? new URL(chain.rpc).host : chain.rpc,
      contract: chain.contract,
      local: chain.local !== undefined,
    });
    on({ type: "relay", id: relay.id, addrs: relay.addrs });
    const network: NetworkConfig = {
      relays: relay.addrs,
      iceServers: [],
      local: true,
      chain: {
        id: chain.id,
        rpc: chain.rpc,
        contract: chain.contract,
        ...(chain.local === undefined ? {} : { faucet: `${server.origin}/local/faucet` }),
      },
    };
    config = network;
    on({ type: "pages", origin: server.origin, browser: tabs.version });

    const workers: WorkerTab[] = [];
    let named = 0;
    // One after the other, and when all pages are there: tabs of one machine that measure themselves while others measure or load
    // measure those, and are not hired.
    let measuring: Promise<unknown> = Promise.resolve();
    const loading: Promise<unknown>[] = [];
    const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
      const next = measuring.then(task, task);
      measuring = next;
      return next;
    };
    const addWorker = async (): Promise<WorkerTab> => {
      const name = `worker ${++named}`;
      const opened = openTab(tabs, server.origin, name, on, (told) => {
        if (told.from === "worker") on({ type: "working", name, event: told.event });
      });
      loading.push(opened);
      const tab = await opened;
      try {
        const started = await inTurn(async () => {
          await Promise.allSettled(loading);
          return tab.call("startWorker", { codecs, patience: workerPatience });
        });
        const worker: WorkerTab = { name, page: tab.page, close: () => tab.close(), ...started };
        workers.push(worker);
        tab.page.once("close", () => workers.splice(workers.indexOf(worker), 1));
        on({ type: "worker", name, ...started });
        return worker;
      } catch (error) {
        await tab.close();
        throw error;
      }
    };
    closers.push(() => Promise.all([...workers].map((worker) => worker.close())));
    await Promise.all(Array.from({ length: options.workers ?? 0 }, addWorker));
    signal.throwIfAborted();

    return {
      origin: server.origin,
      config: network,
      chain,
      relay: () => ({ id: relay.id, addrs: relay.addrs, stats: relay.stats() }),
      workers,
      addWorker,
      watchUrl: (stream) => `${server.origin}/watch/${stream}`,
      async restartRelay() {
        const port = Number(/\/tcp\/(\d+)/.exec(relay.addrs[0] ?? "")?.[1] ?? 0);
        await relay.close();
        relay = await startRelay(port);
        on({ type: "relay", id: relay.id, addrs: relay.addrs });
      },
      broadcast: (asked) =>
        startBroadcast(asked, {
          tabs,
          origin: server.origin,
          chain,
          recorders,
          workers,
          on,
          closers,
        }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function openTab(
  tabs: Tabs,
  origin: string,
  name: string,
  on: (event: NetEvent) => void,
  hear: Parameters<Tabs["open"]>[0]["on"],
): Promise<Tab> {
  return tabs.open({
    name,
    url: `${origin}/headless.html`,
    on: hear,
    broken: (message) => on({ type: "broken", tab: name, message }),
  });
}

/** What a broadcast uses of the network that it runs in. */
interface Around {
  readonly tabs: Tabs;
  readonly origin: string;
  readonly chain: Chain;
  readonly recorders: Map<string, (piece: Recorded) => Promise<void>>;
  readonly workers: readonly WorkerTab[];
  readonly on: (event: NetEvent) => void;
  readonly closers: (() => Promise<unknown>)[];
}

async function startBroadcast(asked: NetBroadcastOptions, around: Around): Promise<NetBroadcast> {
  const { chain, recorders, on } = around;
  const { promise: finished, resolve, reject } = Promise.withResolvers<Plain<BroadcastReport>>();
  // Whoever waits for it hears of a failure; nobody has to.
  finished.catch(() => {});
  const token = asked.recorder === undefined ? undefined : randomBytes(16).toString("hex");
  if (asked.recorder !== undefined && token !== undefined) {
    const { recorder } = asked;
    recorders.set(token, ({ track, seq, what, bytes }) => recorder.piece(track, seq, what, bytes));
  }
  const fail = (inner: string, message: string): BroadcastError => {
    if (token !== undefined) recorders.delete(token);
    const error = new BroadcastError({ code: "BROADCAST_FAILED", inner }, message);
    reject(error);
    return error;
  };

  const hear: Parameters<Tabs["open"]>[0]["on"] = async (told) => {
    if (told.from === "recorded") await asked.recorder?.segment(told.segment);
    else if (told.from === "broadcast") {
      asked.on?.(told.event);
      if (told.event.type === "settling" && told.event.progress.step === "waiting") {
        const { until, now } = told.event.progress;
        // Nobody has to wait out the challenge on a chain whose clock is ours.
        await chain.local?.warp(until);
        if (chain.local !== undefined) on({ type: "warped", until, seconds: until - now });
      }
    } else if (told.from === "finished") {
      if (token !== undefined) recorders.delete(token);
      resolve(told.report);
    } else if (told.from === "failed") fail(told.code, told.message);
  };
  const tab = await around.tabs.open({
    name: "broadcaster",
    url: `${around.origin}/headless.html`,
    on: hear,
    broken: (message) => {
      on({ type: "broken", tab: "broadcaster", message });
      if (message === "the page crashed") fail("PAGE_CRASHED", "the broadcaster's page crashed");
    },
  });
  around.closers.push(() => tab.close());
  try {
    if (asked.file !== undefined) await tab.page.setInputFiles("input[type=file]", asked.file);
    const started = await tab.call("startBroadcast", {
      title: asked.title ?? "Local broadcast",
      source: asked.file === undefined ? "scene" : "file",
      ...(asked.seconds === undefined ? {} : { seconds: asked.seconds }),
      ...(asked.size === undefined ? {} : { size: asked.size }),
      ...(asked.ladder === undefined ? {} : { ladder: asked.ladder }),
      codec: asked.codec ?? "avc",
      segment: asked.segment ?? 2,
      pace: asked.pace ?? "live",
      seed: asked.seed ?? 1,
      aac: asked.aac ?? false,
      wanted: asked.wanted ?? Math.min(8, around.workers.length),
      deposit: String(asked.deposit ?? (await import("./chain.ts")).usualDeposit),
      ...(chain.payerKey === undefined ? {} : { payerKey: chain.payerKey }),
      ...(token === undefined ? {} : { record: token }),
    });
    return {
      ...started,
      page: tab.page,
      stop: () => tab.call("stopBroadcast").catch(() => {}),
      finished,
    };
  } catch (error) {
    await tab.close();
    throw fail("BROADCAST_START", (error as Error).message);
  }
}
