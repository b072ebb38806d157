/** What a tab's mesh decides by, without a transport: for whoever puts it over another one, as the simulator over modelled links. */
export { type Budget, MOST_BYTES, MOST_OF_PEER, MOST_REQUESTS, openBudget } from "./budget.ts";
export { createDialler, type Dialler, NoRouteError } from "./dialler.ts";
export { answerPeers } from "./discovery/asking.ts";
export { discover } from "./discovery/discover.ts";
export { estimate, population } from "./discovery/network.ts";
export { countedTopics } from "./discovery/relay-network.ts";
export { grouped, sample } from "./discovery/sample.ts";
export { MOST_NAMED, type Named, type PeersWire, type Sample } from "./discovery/types.ts";
export { networkOf } from "./hosts.ts";
export { listeners, when } from "./listeners.ts";
export { keepPlaces, MAX_CONNECTIONS } from "./places.ts";
export { type RelaySlots, relaySlots } from "./relay-slots.ts";
export { superviseSlots } from "./relays.ts";
export { configuredRelays, type Relays, relaysNamed } from "./routes.ts";
export { CHUNK, WINDOW } from "./rpc.ts";
export type { Slots } from "./slots.ts";
export type { Node } from "./supervise.ts";
export { openTurns, type Turns } from "./turns.ts";
