import { randomBytes } from "node:crypto";
import type { Chromium } from "@tabcast/driver";
import type { BroadcastReport } from "@tabcast/node/types";
import { crewLink } from "@tabcast/tab/links";
import type { Chain } from "./chain.ts";
import type { Ends } from "./ends.ts";
import type { BroadcastStart } from "./headless.ts";
import type { Plain } from "./report.ts";
import type { Recorded } from "./server.ts";
import { type OpenTab, openTab, type Tab } from "./tab.ts";
import {
  BroadcastError,
  type NetBroadcast,
  type NetBroadcastOptions,
  type NetEvent,
  type WorkerTab,
} from "./types.ts";

/** What a broadcast uses of the network that it runs in. */
export interface Around {
  readonly chromium: Chromium;
  readonly origin: string;
  readonly chain: Chain;
  readonly recorders: Recorders;
  readonly workers: readonly WorkerTab[];
  readonly on: (event: NetEvent) => void;
  readonly ends: Ends;
}

/** Who takes recorded pieces, by token. */
export type Recorders = Map<string, (piece: Recorded) => Promise<void>>;

/** How a broadcast ends, and who may write its pieces until then. */
interface Course {
  readonly token: string | undefined;
  readonly finished: Promise<Plain<BroadcastReport>>;
  succeed(report: Plain<BroadcastReport>): void;
  /** Ends the broadcast with this error, which it returns. */
  fail(inner: string, message: string): BroadcastError;
}

function openCourse({ recorder }: NetBroadcastOptions, recorders: Recorders): Course {
  const { promise: finished, resolve, reject } = Promise.withResolvers<Plain<BroadcastReport>>();
  // Whoever waits for it hears of a failure; nobody has to.
  finished.catch(() => {});
  const token = recorder === undefined ? undefined : randomBytes(16).toString("hex");
  if (recorder !== undefined && token !== undefined)
    recorders.set(token, ({ track, seq, what, bytes }) => recorder.piece(track, seq, what, bytes));
  const over = (): void => {
    if (token !== undefined) recorders.delete(token);
  };
  return {
    token,
    finished,
    succeed(report) {
      over();
      resolve(report);
    },
    fail(inner, message) {
      over();
      const error = new BroadcastError({ code: "BROADCAST_FAILED", inner }, message);
      reject(error);
      return error;
    },
  };
}

/** Hears what the broadcaster's page tells. */
function hear(asked: NetBroadcastOptions, course: Course, { chain, on }: Around): OpenTab["on"] {
  return async (told) => {
    switch (told.from) {
      case "recorded":
        return asked.recorder?.segment(told.segment);
      case "finished":
        return course.succeed(told.report);
      case "failed":
        return void course.fail(told.code, told.message);
      case "broadcast":
        asked.on?.(told.event);
        if (told.event.type === "settling" && told.event.progress.step === "waiting") {
          const { until, now } = told.event.progress;
          // Nobody has to wait out the challenge on a chain whose clock is ours.
          await chain.local?.warp(until);
          if (chain.local !== undefined) on({ type: "warped", until, seconds: until - now });
        }
    }
  };
}

/** What the page is asked to do, with everything that was not said at its default. */
async function startOf(
  asked: NetBroadcastOptions,
  token: string | undefined,
  { chain, workers }: Around,
): Promise<BroadcastStart> {
  const { usualDepositIn } = await import("./chain.ts");
  return {
    title: asked.title ?? "Local broadcast",
    ...(asked.visibility && { visibility: asked.visibility }),
    source: asked.file === undefined ? "scene" : "file",
    ...(asked.seconds === undefined ? {} : { seconds: asked.seconds }),
    ...(asked.size === undefined ? {} : { size: asked.size }),
    ...(asked.ladder === undefined ? {} : { ladder: asked.ladder }),
    codec: asked.codec ?? "avc",
    segment: asked.segment ?? 2,
    pace: asked.pace ?? "live",
    seed: asked.seed ?? 1,
    aac: asked.aac ?? false,
    wanted: asked.wanted ?? Math.min(8, workers.length),
    ...(asked.hiring && { hiring: asked.hiring }),
    deposit: String(asked.deposit ?? usualDepositIn(chain)),
    ...(chain.payerKey === undefined ? {} : { payerKey: chain.payerKey }),
    ...(token === undefined ? {} : { record: token }),
  };
}

/** Opens the broadcaster's page and goes live. Throws BROADCAST_FAILED. */
export async function startBroadcast(
  asked: NetBroadcastOptions,
  around: Around,
): Promise<NetBroadcast> {
  const { chromium, origin, recorders, workers, on, ends } = around;
  const course = openCourse(asked, recorders);
  const name = "broadcaster";
  const tab: Tab = await openTab(chromium, {
    name,
    origin,
    on: hear(asked, course, around),
    broken(message, over) {
      on({ type: "broken", tab: name, message });
      if (over) course.fail("PAGE_CRASHED", `the broadcaster's page is gone: ${message}`);
    },
  });
  ends.add(() => tab.close());
  try {
    if (asked.file !== undefined) await tab.page.setInputFiles("input[type=file]", asked.file);
    const started = await tab.call("startBroadcast", await startOf(asked, course.token, around));
    const { stream, keys } = started;
    if (keys !== undefined) {
      const link = crewLink(origin, { stream, key: keys.crew });
      await Promise.all(workers.map((worker) => worker.joinCrew(link)));
    }
    return {
      ...started,
      page: tab.page,
      stop: () => tab.call("stopBroadcast").catch(() => {}),
      finished: course.finished,
    };
  } catch (error) {
    await tab.close();
    throw course.fail("BROADCAST_START", (error as Error).message);
  }
}
