import { concatBytes, equalBytes, toHex } from "@tabcast/runtime";
import { ProtocolError } from "./errors.ts";
import { Keys, type Signer } from "./keys.ts";
import { Envelope as Message } from "./messages.ts";

const text = new TextEncoder();

/** What is signed: "tabcast/1/" + kind + 0x00 + payload. */
function signed(kind: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefix = prefixes.get(kind) ?? text.encode(`tabcast/1/${kind}\0`);
  prefixes.set(kind, prefix);
  return concatBytes(prefix, payload);
}

/** By kind; only our own kinds ever come here. */
const prefixes = new Map<string, Uint8Array>();

/** Signed bytes of any kind. The signature covers bytes, never a re-encoding. */
export const Envelope = {
  /** What an envelope says it holds; nothing is verified. Throws PROTOCOL_TOO_LARGE, PROTOCOL_MALFORMED or PROTOCOL_FIELD. */
  kindOf: (bytes: Uint8Array): string => Message.decode(bytes).kind,

  /** An envelope's parts; nothing is verified. Throws as `kindOf` does. */
  read: (bytes: Uint8Array): Message => Message.decode(bytes),

  /** What an envelope holds, of whatever kind; nothing is verified. Throws as `kindOf` does. */
  payloadOf: (bytes: Uint8Array): Uint8Array => Message.decode(bytes).payload,

  /** `payload` with the signer's name and signature. Throws PROTOCOL_FIELD or PROTOCOL_TOO_LARGE. */
  async seal(signer: Signer, kind: string, payload: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return Message.encode({
      kind,
      signer: signer.publicKey,
      payload,
      signature: await signer.sign(signed(kind, payload)),
    });
  },

  /**
   * The payload of an envelope of that kind, from that signer if one is given. Throws PROTOCOL_TOO_LARGE, PROTOCOL_MALFORMED,
   * PROTOCOL_FIELD, PROTOCOL_KIND, PROTOCOL_SIGNER or PROTOCOL_SIGNATURE, in that order.
   */
  async open(
    bytes: Uint8Array,
    kind: string,
    { from }: { readonly from?: Uint8Array | undefined } = {},
  ): Promise<{ readonly payload: Uint8Array; readonly signer: Uint8Array }> {
    const { kind: got, signer, payload, signature } = Message.decode(bytes);
    if (got !== kind)
      throw new ProtocolError(
        { code: "PROTOCOL_KIND", expected: kind, got },
        `expected a sealed ${kind}, got a sealed ${got}`,
      );
    if (from !== undefined && !equalBytes(from, signer))
      throw new ProtocolError(
        { code: "PROTOCOL_SIGNER", kind, expected: toHex(from), got: toHex(signer) },
        `${kind}: expected the signer ${toHex(from)}, got ${toHex(signer)}`,
      );
    if (!(await Keys.verify(signer, signature, signed(kind, payload))))
      throw new ProtocolError(
        { code: "PROTOCOL_SIGNATURE", kind },
        `${kind}: the signature is not ${toHex(signer)}'s over these ${payload.byteLength} bytes`,
      );
    return { payload, signer };
  },
};
