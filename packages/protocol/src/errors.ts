import { CodedError } from "@tabcast/runtime";

/** Why a message is not believed. `kind` names the message. */
export type ProtocolReason =
  | { code: "PROTOCOL_TOO_LARGE"; kind: string; size: number; limit: number }
  | { code: "PROTOCOL_MALFORMED"; kind: string; at: number }
  | { code: "PROTOCOL_FIELD"; kind: string; field: string; expected: string; got: string }
  | { code: "PROTOCOL_KIND"; expected: string; got: string }
  | { code: "PROTOCOL_SIGNER"; kind: string; expected: string; got: string }
  | { code: "PROTOCOL_SIGNATURE"; kind: string }
  /** Two receipts that do not contradict each other prove nothing. */
  | { code: "PROTOCOL_NO_PROOF"; kind: string; why: string }
  | { code: "PROTOCOL_STALE"; kind: string; atMs: number; nowMs: number };

/** A message that breaks SPEC.md. */
export class ProtocolError extends CodedError<ProtocolReason> {}
