import { ProtocolError } from "./errors.ts";

/** For each message, its fields by number. Type "uint53" is a uint64 that is read as a number. */
export type Wire = Readonly<
  Record<string, Readonly<Record<string, { name: string; type: string; many?: true }>>>
>;

const MAX_DEPTH = 4;
/** Types that travel as varints, with the bits their values may have. No varint has more than 64. */
const BITS: Readonly<Record<string, number>> = {
  bool: 1,
  uint32: 32,
  uint53: 53,
  uint64: Number.POSITIVE_INFINITY,
};
/** Nearly every text is: names, addresses, kinds. Asking a decoder takes longer than the rest of the walk. */
function isAscii(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if ((bytes[at] as number) >= 0x80) return false;
  return true;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Walks protobuf bytes before they are decoded and throws PROTOCOL_MALFORMED at the first that has no single meaning.
 * The generated decoder ignores wire types, lets a part run over its end, takes the last of two, reads broken UTF-8
 * and loses its place after a varint with spare bytes; other peers' decoders differ in each of these. Unknown fields pass.
 */
export function checkWire(bytes: Uint8Array, wire: Wire, kind: string): void {
  const bad = (at: number, what: string): never => {
    throw new ProtocolError(
      { code: "PROTOCOL_MALFORMED", kind, at },
      `${kind}: ${what} at byte ${at} of ${bytes.byteLength}`,
    );
  };
  let at = 0;

  /** Exact below 2^53; above, only known to be above. */
  function varint(end: number): number {
    const from = at;
    let value = 0;
    let unit = 1;
    for (let i = 0; ; i++) {
      const byte = at < end && i < 10 ? (bytes[at++] as number) : bad(from, "endless varint");
      value += (byte & 0x7f) * unit;
      unit *= 128;
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) bad(from, "varint with spare bytes");
      if (i === 9 && byte > 1) bad(from, "varint over 64 bits");
      return value;
    }
  }

  function message(name: string, end: number, depth: number): void {
    const fields = wire[name] ?? {};
    const seen: true[] = [];
    while (at < end) {
      const from = at;
      const tag = varint(end);
      const number = Math.floor(tag / 8);
      if (number === 0 || tag >= 2 ** 32) bad(from, "impossible field number");
      const field = Object.hasOwn(fields, number) ? fields[number] : undefined;
      if (field !== undefined && !field.many && seen[number]) bad(from, `second ${field.name}`);
      if (field !== undefined) seen[number] = true;
      const bits = field === undefined ? undefined : BITS[field.type];
      const type = tag % 8;
      if (field !== undefined && type !== (bits === undefined ? 2 : 0))
        bad(from, `${field.name} of wrong type`);
      if (type === 0) {
        const value = varint(end);
        if (bits !== undefined && value >= 2 ** bits) bad(from, `${field?.name} over ${bits} bits`);
      } else if (type === 2) {
        const length = varint(end);
        if (length > end - at) bad(from, "part longer than what holds it");
        const stop = at + length;
        if (field?.type === "string" && !isAscii(bytes, at, stop)) {
          try {
            utf8.decode(bytes.subarray(at, stop));
          } catch {
            bad(at, `${field.name} not UTF-8`);
          }
        } else if (field !== undefined && field.type !== "bytes" && field.type !== "string") {
          if (depth === MAX_DEPTH) bad(from, "nesting too deep");
          message(field.type, stop, depth + 1);
        }
        at = stop;
      } else if (type === 1 || type === 5) {
        at += type === 1 ? 8 : 4;
        if (at > end) bad(from, "number cut short");
      } else bad(from, `wire type ${type}`);
    }
  }

  message(kind, bytes.byteLength, 0);
}
