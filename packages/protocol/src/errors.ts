import { CodedError } from "@tabcast/runtime";

/** Why a message is not believed. `kind` names the message. */
export type ProtocolReason =
  /** The encoding is larger than its kind may be. Bytes. Do: send less; received messages of this kind are dropped. */
  | { code: "PROTOCOL_TOO_LARGE"; kind: string; size: number; limit: number }
  /** The bytes are no message of this kind; `at` is the offset. Do: nothing; the message is dropped. */
  | { code: "PROTOCOL_MALFORMED"; kind: string; at: number }
  /** A field is out of its range. Do: correct the field; received messages of this kind are dropped. */
  | { code: "PROTOCOL_FIELD"; kind: string; field: string; expected: string; got: string }
  /** The envelope holds another kind of message. Do: nothing; the message is dropped. */
  | { code: "PROTOCOL_KIND"; expected: string; got: string }
  /** Signed by somebody other than whom it speaks for. Do: nothing; the message is dropped. */
  | { code: "PROTOCOL_SIGNER"; kind: string; expected: string; got: string }
  /** The signature does not fit the bytes. Do: nothing; the message is dropped. */
  | { code: "PROTOCOL_SIGNATURE"; kind: string }
  /** No work stands behind a complaint. Bits. Do: find a nonce whose hash begins with so many zeros; a received one is dropped. */
  | { code: "PROTOCOL_WORK"; kind: string; expected: number; got: number }
  /** Two receipts that do not contradict each other prove nothing. Do: nothing; the proof is dropped. */
  | { code: "PROTOCOL_NO_PROOF"; kind: string; why: string }
  /** Older, or further ahead, than its sender's clock allows. Unix milliseconds. Do: nothing; if it is your own message, set the clock to within 40 hours. */
  | { code: "PROTOCOL_STALE"; kind: string; atMs: number; nowMs: number }
  /** A private stream's key is not whole; it had `characters`. Do: copy the whole link again. */
  | { code: "PROTOCOL_KEY"; characters: number }
  /** Something of a private stream does not open under the key that is here, or is not what it was encrypted as. Do: copy the whole link again, or ask whoever gave it; a single segment: nothing, it is dropped. */
  | { code: "PROTOCOL_ENCRYPTED"; kind: string };

/** A message that breaks SPEC.md. */
export class ProtocolError extends CodedError<ProtocolReason> {}
