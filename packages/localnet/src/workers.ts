import type { Chromium } from "@tabcast/driver";
import type { CodecName } from "@tabcast/media";
import type { WorkerChange } from "./settings-args.ts";
import { openTab, type Tab } from "./tab.ts";
import type { NetEvent, WorkerTab } from "./types.ts";

/** Milliseconds a worker's tab may take to find the relay and to measure itself. */
const workerPatience = 30_000;

export interface WorkersOptions {
  readonly chromium: Chromium;
  readonly origin: string;
  readonly codecs: readonly CodecName[];
  /** What workers are set to; undefined: their defaults. */
  readonly settings: WorkerChange | undefined;
  /** Crew links of private streams. */
  readonly crewLinks: readonly string[];
  readonly on: (event: NetEvent) => void;
}

/** The network's headless workers. */
export interface Workers {
  /** Those that are open, in the order in which they joined. */
  readonly all: readonly WorkerTab[];
  /** Opens one; resolves when it has measured itself and joined. */
  add(): Promise<WorkerTab>;
  close(): Promise<void>;
}

/** No worker yet. */
export function openWorkers(options: WorkersOptions): Workers {
  const { chromium, origin, codecs, settings, crewLinks, on } = options;
  const all: WorkerTab[] = [];
  let named = 0;
  // One after the other, and when all pages are there: tabs of one machine that measure themselves while others measure or load
  // measure those, and are not hired.
  let measuring: Promise<unknown> = Promise.resolve();
  const loading: Promise<unknown>[] = [];
  const start = (tab: Tab) => {
    const task = async () => {
      await Promise.allSettled(loading);
      return tab.call("startWorker", {
        codecs,
        patience: workerPatience,
        ...(settings && { settings }),
      });
    };
    const next = measuring.then(task, task);
    measuring = next;
    return next;
  };
  const add = async (): Promise<WorkerTab> => {
    const name = `worker ${++named}`;
    const opened = openTab(chromium, {
      name,
      origin,
      on(told) {
        if (told.from === "worker") on({ type: "working", name, event: told.event });
      },
      broken: (message) => on({ type: "broken", tab: name, message }),
    });
    loading.push(opened);
    const tab = await opened;
    try {
      const started = await start(tab);
      const joinCrew = (link: string) => tab.call("joinCrew", link);
      for (const link of crewLinks) await joinCrew(link);
      const close = () => tab.close();
      const worker: WorkerTab = { name, page: tab.page, joinCrew, close, ...started };
      all.push(worker);
      tab.page.once("close", () => all.splice(all.indexOf(worker), 1));
      on({ type: "worker", name, ...started });
      return worker;
    } catch (error) {
      await tab.close();
      throw error;
    }
  };
  return {
    all,
    add,
    close: async () => void (await Promise.all([...all].map((worker) => worker.close()))),
  };
}
