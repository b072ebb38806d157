import type { Json, Store } from "@tabcast/channel";
import type { CurrencyConfig } from "@tabcast/node/config";
import { type Bag, lazy } from "./bag.ts";
import type { HiringSettings, WorkerSettings } from "./settings/index.ts";

const WORKER = "settings/worker";
const HIRING = "settings/hiring";

/** What this browser keeps for the tab: vouchers, pots, keys, workers' records and settings, in one store. */
export interface Books {
  /** The store, opened once. Throws StoreError. */
  open(): Promise<Store>;
  /**
   * The stored settings, or the defaults, for a network that pays in `currency`. Throws SETTINGS_BAD if what is stored cannot be read,
   * StoreError.
   */
  workerSettings(currency?: CurrencyConfig): Promise<WorkerSettings>;
  /** True if the stored price or cap is in another currency, so that a default stands in for it. Throws as `workerSettings`. */
  pricedElsewhere(currency?: CurrencyConfig): Promise<boolean>;
  keepWorkerSettings(settings: WorkerSettings): Promise<void>;
  hiringSettings(): Promise<HiringSettings>;
  keepHiringSettings(settings: HiringSettings): Promise<void>;
}

export function openBooks({ outside }: Bag): Books {
  const open = lazy(() => outside.store());
  const read = async (key: string) => (await (await open()).get(key)) ?? {};
  const keep = async (key: string, value: object) =>
    (await open()).write([[key, value as { readonly [key: string]: Json }]]);
  // A viewer's tab has nothing set, and loads none of it.
  const settings = () => import("./settings/index.ts");
  return {
    open,
    workerSettings: async (currency) =>
      (await settings()).parseWorkerSettings(await read(WORKER), currency),
    pricedElsewhere: async (currency) =>
      (await settings()).forAnotherCurrency(await read(WORKER), currency),
    keepWorkerSettings: async (wanted) =>
      keep(WORKER, (await settings()).workerSettingsJson(wanted)),
    hiringSettings: async () => (await settings()).parseHiringSettings(await read(HIRING)),
    keepHiringSettings: (wanted) => keep(HIRING, wanted),
  };
}
