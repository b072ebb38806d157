import { openTab } from "@tabcast/tab";
import { airVerbs } from "./air-verbs.ts";
import { earnVerbs } from "./earn-verbs.ts";

export type { OnTheAir, Takings } from "@tabcast/tab";
export type { Input } from "./air-verbs.ts";

/** Milliseconds until a page that could not join tries again. */
const RETRY = 4_000;

const node = openTab({ namespace: "tabcast", retry: RETRY });
const { payees, rpc, settling, viewer, wallet } = node;
const air = airVerbs(node);
const earn = earnVerbs(node);

/** The one node of this tab: components follow its stores and call its verbs. */
export const tab = {
  state: node.state,
  config: node.config,
  visit: node.visit,
  relayOnly: node.relayOnly,
  balance: rpc.balance,
  funds: settling.funds,
  block: rpc.block,
  skipWait: rpc.skipWait,
  traffic: node.traffic,
  openBurner: async () => (await wallet.filled()).account,
  liveStreams: viewer.live,
  watch: viewer.watch,
  takings: settling.takings,
  claim: settling.claim,
  withdraw: settling.withdraw,
  history: settling.history,
  unsettled: settling.unsettled,
  settlePot: settling.settlePot,
  lostPots: settling.lost,
  takeBack: settling.takeBack,
  gas: node.gas.state,
  emptyGas: node.gas.empty,
  payeeProof: payees.proof,
  signPayee: payees.sign,
  ...earn,
  ...air,
};

// A hidden tab may be closed without another word.
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") node.worker.handOver();
});

// Say goodbye, so that nobody waits for this tab; a page brought back from the browser's cache starts afresh.
addEventListener("pagehide", () => node.leave());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
addEventListener("beforeunload", (event) => {
  if (node.broadcaster.busy()) event.preventDefault();
});

// For the console, and for engineers who run whole networks: `copy({ trace: tabcast.traces() })` is a report that `npm run explain` reads.
Object.assign(globalThis, { tabcast: { traces: tab.traces } });
