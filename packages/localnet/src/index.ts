export { BrowserError } from "@tabcast/driver";
export { type Chain, ChainError, type ExternalChain, externalChain } from "./chain.ts";
export { localnet } from "./localnet.ts";
export { makeReport, type Plain, type Report, shortcomings } from "./report.ts";
export type { Tab } from "./tab.ts";
export {
  BroadcastError,
  type Localnet,
  type LocalnetOptions,
  type NetBroadcast,
  type NetBroadcastOptions,
  type NetEvent,
  type WorkerTab,
} from "./types.ts";
