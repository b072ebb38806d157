import type { Headless } from "@tabcast/localnet/headless";
import { describe } from "@tabcast/runtime";
import { openTab } from "@tabcast/tab";
import { parseCrewLink } from "@tabcast/tab/links";
import { allowOwnScripts } from "@tabcast/tab/scripts";

allowOwnScripts();
const tab = openTab({ namespace: "tabcast-headless" });
const own = new AbortController();
const { signal } = own;
let busy = false;
let closing: Promise<void> | undefined;

/** One page is one worker or one broadcaster; whoever drives it sees an error's whole story in its message. */
async function once<T>(run: () => Promise<T>): Promise<T> {
  if (busy) throw new Error("this page is busy");
  busy = true;
  try {
    return await run();
  } catch (error) {
    busy = false;
    throw new Error(describe(error), { cause: error });
  }
}

const tabcast: Headless = {
  startWorker: (options) =>
    once(async () => (await import("./worker.ts")).startWorker(tab, options)),
  startBroadcast: (options) =>
    once(async () => (await import("./broadcast.ts")).startBroadcast(tab, options, { signal })),
  joinCrew: (link) => tab.worker.joinPrivate(parseCrewLink(link)),
  stopBroadcast: () => tab.broadcaster.stop(),
  close() {
    closing ??= tab.close().finally(() => own.abort(new Error("the page closed")));
    return closing;
  },
};

Object.assign(globalThis, { tabcast });
// What is sent here still arrives, so broadcasters need not find out by waiting.
addEventListener("pagehide", () => void tabcast.close());
