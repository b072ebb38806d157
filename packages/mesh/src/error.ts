import { CodedError } from "@tabcast/runtime";

/** Why the mesh could not do what it was asked. */
export type MeshReason =
  /** A head, a body or a gossip message over its limit. Refused before it was read. `limit` is 0 if only the other side knows it. Do: send less, or in parts; a peer that sends such things is not one of ours. */
  | { code: "MESH_TOO_LARGE"; what: "head" | "body" | "gossip"; size: number; limit: number }
  /** The peer was there and went: its stream ended before the answer did. Do: ask another peer; a job goes to the next worker by itself. */
  | { code: "MESH_PEER_LOST"; peer: string }
  /** No address of the peer could be dialled. Do: see that both sides hold a slot at a relay and that TURN is configured. */
  | { code: "MESH_UNREACHABLE"; peer: string; addresses: number }
  /** The peer serves as many of our requests as it is willing to. Do: wait a moment, or ask another peer. */
  | { code: "MESH_BUSY"; peer: string }
  /** The peer's handler failed, or it does not answer this protocol. Do: ask another peer; one that runs an older version may lack the protocol. */
  | { code: "MESH_REFUSED"; peer: string; protocol: string }
  /** The peer sent bytes that are not frames, or more than we gave it leave to send. Do: nothing; the stream is reset. Report it if both peers are Tabcast. */
  | { code: "MESH_BAD_FRAME"; detail: string }
  /** A request was served for longer than its time, or its asker sent or took next to nothing of it for `ms`. Do: try again; if it stays so, the peer or its link is overloaded. */
  | { code: "MESH_TIMEOUT"; ms: number }
  /** Not a peer id of an Ed25519 key, or not a multiaddr. Do: compare the address with what the relay or peer printed. */
  | { code: "MESH_BAD_ADDRESS"; address: string }
  /** Somebody on this mesh answers that protocol already. Do: serve each protocol once per mesh; this is a mistake in the program. */
  | { code: "MESH_PROTOCOL_TAKEN"; protocol: string }
  /** The relay's port belongs to another process. Do: give another port with --port, or end the process that holds it. */
  | { code: "MESH_PORT_IN_USE"; host: string; port: number }
  /** The relay's folder holds no usable key, or cannot be written. Do: restore relay.key, or remove it and give pages the new address. */
  | { code: "MESH_BAD_KEY"; file: string }
  /** More tabs of one origin and role are open than there are identities. Do: close some of this origin's tabs. */
  | { code: "MESH_NO_SLOT"; slots: number }
  /** A tab that connects through TURN servers alone has none. Do: name TURN servers in tabcast.json, and see that their credentials are served. */
  | { code: "MESH_NO_TURN" }
  /** The mesh is closed. Do: open a new mesh; this is a mistake in the program unless the tab was closing. */
  | { code: "MESH_CLOSED" };

/** What the mesh throws on purpose. Aborts are not errors of the mesh: they reject with the signal's own reason. */
export class MeshError extends CodedError<MeshReason> {}
