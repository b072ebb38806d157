import type { WorkerStart, WorkerStarted } from "@tabcast/localnet/headless";
import type { Tab } from "@tabcast/tab";
import { parseWorkerSettings } from "@tabcast/tab/settings";
import { tell } from "./tell.ts";

/** Works as it is told; paid into the address of its settings, or into a wallet that never leaves this page. */
export async function startWorker(
  tab: Tab,
  { codecs, patience, relayOnly, settings: given }: WorkerStart,
): Promise<WorkerStarted> {
  const config = await tab.config();
  if (relayOnly !== undefined) await tab.relayOnly.set(relayOnly);
  const settings = parseWorkerSettings(given ?? {}, config.chain.currency);
  // Play money where there is any: a watchtower without gas keeps nothing for others.
  const { account, address } = await (config.chain.faucet === undefined
    ? tab.wallet.open()
    : tab.wallet.filled().catch(() => tab.wallet.open()));
  return tab.worker.start({
    payee: settings.payee ?? address,
    wallet: account,
    settings,
    codecs,
    reachableIn: patience,
    on(event) {
      // How far the check is, and that it is over, is for people who watch it.
      if (event.type !== "check" && event.type !== "joining") void tell({ from: "worker", event });
    },
  });
}
