import type { Headless } from "@tabcast/localnet/headless";
import { describe } from "@tabcast/runtime";
import { type OnAir, runBroadcast } from "./broadcast.ts";
import { type Running, runWorker } from "./worker.ts";

const own = new AbortController();
const { signal } = own;
let worker: Running | undefined;
let onAir: OnAir | undefined;
let closing: Promise<void> | undefined;

/** One page is one worker or one broadcaster; whoever drives it sees an error's whole story in its message. */
async function once<T>(run: () => Promise<T>): Promise<T> {
  if (worker !== undefined || onAir !== undefined) throw new Error("this page is busy");
  try {
    return await run();
  } catch (error) {
    throw new Error(describe(error), { cause: error });
  }
}

const tabcast: Headless = {
  startWorker: (options) =>
    once(async () => {
      worker = await runWorker(options, { signal });
      return worker.started;
    }),
  startBroadcast: (options) =>
    once(async () => {
      onAir = await runBroadcast(options, { signal });
      return onAir.started;
    }),
  stopBroadcast: () => onAir?.stop(),
  close() {
    closing ??= (async () => {
      await Promise.allSettled([worker?.close(), onAir?.close()]);
      own.abort(new Error("the page closed"));
    })();
    return closing;
  },
};

Object.assign(globalThis, { tabcast });
// What is sent here still arrives, so broadcasters need not find out by waiting.
addEventListener("pagehide", () => void tabcast.close());
