/** What a person can set, checked. Loads no chain library, so that commands and pages may. */
export { usualPrice } from "./currency.ts";
export { MOST_JOBS, workerDefaults } from "./defaults.ts";
export { SettingsError } from "./fields.ts";
export {
  type HiringSettings,
  hiringDefaults,
  parseHiringSettings,
  screenOf,
} from "./hiring.ts";
export { makeCrewToken } from "./names.ts";
export { hoursText, parseAmount, parseHours, parseWords } from "./typed.ts";
export {
  forAnotherCurrency,
  parseWorkerSettings,
  policyOf,
  purseOptionsOf,
  settingsIn,
  type WorkerSettings,
  type WorkerSettingsJson,
  workerSettingsJson,
  workerSettingsOf,
} from "./worker.ts";
