/** What a node is built of: its owner's settings, and the parts that carry them out. One place for tabs and for the simulator. */
import type { CurrencyConfig } from "@tabcast/node/config";
import type { BroadcastOptions, WorkerOptions } from "@tabcast/node/types";
import { usualPrice } from "./settings/currency.ts";
import { type HiringSettings, screenOf } from "./settings/hiring.ts";
import { policyOf, type WorkerSettings } from "./settings/worker.ts";

/** A worker's parts; what its owner decides comes from the settings. */
export type WorkerParts = Omit<WorkerOptions, "price" | "availability" | "tags" | "crews">;

/** The options of node's `work`. */
export function workerOptions(settings: WorkerSettings, parts: WorkerParts): WorkerOptions {
  const encoder = new TextEncoder();
  return {
    ...parts,
    price: settings.price,
    availability: policyOf(settings),
    tags: settings.tags,
    crews: settings.crews.map((token) => encoder.encode(token)),
  };
}

/** A broadcaster's parts. Workers' records have a place in every tab: who cheated is remembered for longer than a stream. */
export type BroadcastParts = Omit<BroadcastOptions, "workers" | "records"> &
  Required<Pick<BroadcastOptions, "records">>;

/** The options of node's `broadcast`; the highest price is the usual one in what the network pays in. */
export function broadcastOptions(
  settings: HiringSettings,
  parts: BroadcastParts,
  currency?: CurrencyConfig,
): BroadcastOptions {
  return { maxPrice: usualPrice(currency), ...parts, workers: screenOf(settings) };
}
