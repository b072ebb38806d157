import { CodedError } from "@tabcast/runtime";

/** Why the mesh could not do what it was asked. */
export type MeshReason =
  /** A head, a body or a gossip message over its limit. Refused before it was read. `limit` is 0 if only the other side knows it. */
  | { code: "MESH_TOO_LARGE"; what: "head" | "body" | "gossip"; size: number; limit: number }
  /** The peer was there and went: its stream ended before the answer did. */
  | { code: "MESH_PEER_LOST"; peer: string }
  /** No address of the peer could be dialled. */
  | { code: "MESH_UNREACHABLE"; peer: string; addresses: number }
  /** The peer serves as many of our requests as it is willing to. */
  | { code: "MESH_BUSY"; peer: string }
  /** The peer's handler failed, or it does not answer this protocol. */
  | { code: "MESH_REFUSED"; peer: string; protocol: string }
  /** The peer sent bytes that are not frames, or more than we gave it leave to send. */
  | { code: "MESH_BAD_FRAME"; detail: string }
  /** A request was served for longer than its time. */
  | { code: "MESH_TIMEOUT"; ms: number }
  /** Not a peer id of an Ed25519 key, or not a multiaddr. */
  | { code: "MESH_BAD_ADDRESS"; address: string }
  /** Somebody on this mesh answers that protocol already. */
  | { code: "MESH_PROTOCOL_TAKEN"; protocol: string }
  /** The relay's port belongs to another process. */
  | { code: "MESH_PORT_IN_USE"; host: string; port: number }
  /** The relay's folder holds no usable key, or cannot be written. */
  | { code: "MESH_BAD_KEY"; file: string }
  /** More tabs of one origin and role are open than there are identities. */
  | { code: "MESH_NO_SLOT"; slots: number }
  /** The mesh is closed. */
  | { code: "MESH_CLOSED" };

/** What the mesh throws on purpose. Aborts are not errors of the mesh: they reject with the signal's own reason. */
export class MeshError extends CodedError<MeshReason> {}
