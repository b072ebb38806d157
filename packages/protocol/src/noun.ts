import type { Codec } from "protons-runtime";
import { decodeMessage, encodeMessage } from "protons-runtime";
import { ProtocolError } from "./errors.ts";
import { WIRE } from "./generated/wire.ts";
import type { Check } from "./shape.ts";
import { checkWire } from "./wire.ts";

/** A message as callers may give it: any byte array where bytes are meant. */
export type Loose<T> = T extends Uint8Array
  ? Uint8Array
  : T extends readonly (infer Item)[]
    ? readonly Loose<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]: Loose<T[Field]> }
      : T;

/** One message of the protocol. */
export interface Noun<T> {
  readonly name: string;
  /** Largest encoding, in bytes. */
  readonly limit: number;
  /** The message's bytes. Throws PROTOCOL_FIELD or PROTOCOL_TOO_LARGE for what a peer would refuse. */
  encode(message: Loose<T>): Uint8Array<ArrayBuffer>;
  /**
   * The message in `bytes`, which it may share memory with. Checks size, then wire format, then every field.
   * Throws PROTOCOL_TOO_LARGE, PROTOCOL_MALFORMED or PROTOCOL_FIELD. Unknown fields are skipped.
   */
  decode(bytes: Uint8Array): T;
}

/** Puts a generated codec behind its limit and its shape. */
export function define<T>(name: string, limit: number, codec: Codec<T>, check: Check): Noun<T> {
  const sized = (size: number) => {
    if (size > limit)
      throw new ProtocolError(
        { code: "PROTOCOL_TOO_LARGE", kind: name, size, limit },
        `${name}: ${size} bytes, at most ${limit} are accepted`,
      );
  };
  const shaped = (message: unknown) => {
    const complaint = check(message, "");
    if (complaint !== undefined)
      throw new ProtocolError(
        { code: "PROTOCOL_FIELD", kind: name, ...complaint },
        `${name}.${complaint.field} must be ${complaint.expected}, got ${complaint.got}`,
      );
  };
  return {
    name,
    limit,
    encode(message) {
      shaped(message);
      const bytes = encodeMessage(message as Partial<T>, codec);
      sized(bytes.byteLength);
      return bytes;
    },
    decode(bytes) {
      sized(bytes.byteLength);
      checkWire(bytes, WIRE, name);
      const message = decodeMessage(bytes, codec);
      shaped(message);
      return message;
    },
  };
}
