export type { Tab } from "./browser.ts";
export { type Chain, ChainError, type ExternalChain, externalChain } from "./chain.ts";
export { BrowserError } from "./chromium.ts";
export {
  BroadcastError,
  type Localnet,
  type LocalnetOptions,
  localnet,
  type NetBroadcast,
  type NetBroadcastOptions,
  type NetEvent,
  type WorkerTab,
} from "./localnet.ts";
export { makeReport, type Plain, type Report, shortcomings } from "./report.ts";
