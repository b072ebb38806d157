import { ProtocolError } from "./errors.ts";

/** For each message, its fields by number. Type "uint53" is a uint64 that is read as a number. */
export type Wire = Readonly<
  Record<string, Readonly<Record<string, { name: string; type: string; many?: true }>>>
>;

const MAX_DEPTH = 4;
/** Types that travel as varints, with the bits their values may have. */
const BITS: Readonly<Record<string, bigint>> = { bool: 1n, uint32: 32n, uint53: 53n, uint64: 64n };
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

  function varint(end: number): bigint {
    const from = at;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte =
        at < end && at - from < 10 ? (bytes[at++] as number) : bad(from, "endless varint");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0n) bad(from, "varint with spare bytes");
      if (value >= 1n << 64n) bad(from, "varint over 64 bits");
      return value;
    }
  }

  function message(name: string, end: number, depth: number): void {
    const fields = wire[name] ?? {};
    const seen = new Set<string>();
    while (at < end) {
      const from = at;
      const tag = varint(end);
      const number = String(tag >> 3n);
      if (number === "0" || tag >= 1n << 32n) bad(from, "impossible field number");
      const field = Object.hasOwn(fields, number) ? fields[number] : undefined;
      if (field !== undefined && !field.many && seen.has(number)) bad(from, `second ${field.name}`);
      seen.add(number);
      const bits = field === undefined ? undefined : BITS[field.type];
      const type = Number(tag & 7n);
      if (field !== undefined && type !== (bits === undefined ? 2 : 0))
        bad(from, `${field.name} of wrong type`);
      if (type === 0) {
        const value = varint(end);
        if (bits !== undefined && value >= 1n << bits)
          bad(from, `${field?.name} over ${bits} bits`);
      } else if (type === 2) {
        const length = varint(end);
        if (length > BigInt(end - at)) bad(from, "part longer than what holds it");
        const stop = at + Number(length);
        if (field?.type === "string") {
          try {
            utf8.decode(bytes.subarray(at, stop));
          } catch {
            bad(at, `${field.name} not UTF-8`);
          }
        } else if (field !== undefined && field.type !== "bytes") {
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
