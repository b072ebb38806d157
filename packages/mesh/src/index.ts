export { MeshError, type MeshReason } from "./error.ts";
export type { IceServers } from "./ice.ts";
export { type Identity, loadIdentity } from "./identity.ts";
export { type Libp2pOptions, libp2p } from "./libp2p.ts";
export { type GossipLimits, gossipLimits } from "./limits.ts";
export {
  type MemoryNetwork,
  type MemoryNetworkOptions,
  type MemoryOptions,
  memory,
  memoryNetwork,
} from "./memory.ts";
export type * from "./mesh.ts";
export { RANKS } from "./mesh.ts";
export type { Meter } from "./meter.ts";
export { peerIdFromPublicKey, publicKeyFromPeerId } from "./peer-id.ts";
export * as Rates from "./rates.ts";
