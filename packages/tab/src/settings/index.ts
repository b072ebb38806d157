/** What a person can set, checked. Loads nothing but `runtime`, so that commands and pages may. */
export { MOST_JOBS, workerDefaults } from "./defaults.ts";
export { SettingsError } from "./fields.ts";
export {
  type HiringSettings,
  hiringDefaults,
  parseHiringSettings,
  screenOf,
} from "./hiring.ts";
export { makeCrewToken } from "./names.ts";
export { gweiText, hoursText, parseGwei, parseHours, parseWords } from "./typed.ts";
export {
  parseWorkerSettings,
  policyOf,
  purseOptionsOf,
  type WorkerSettings,
  type WorkerSettingsJson,
  workerSettingsJson,
  workerSettingsOf,
} from "./worker.ts";
