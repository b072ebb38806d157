import { type Random, secureRandom, toHex } from "@tabcast/runtime";
import { matching } from "./fields.ts";

const ADDRESS = "0x[0-9a-fA-F]{40}";
/** Of an Ed25519 key, the only kind there is here. */
const PEER = "12D3Koo[1-9A-HJ-NP-Za-km-z]{45}";
const STREAM = "[0-9a-fA-F]{64}";

/** Peer ids are case-sensitive; hexadecimal is compared in lower case. */
const lowerHex = (text: string) =>
  new RegExp(`^(${ADDRESS}|${STREAM})$`).test(text) ? text.toLowerCase() : text;

/** A chain address, as its owner writes it. */
export const address = matching(
  new RegExp(`^${ADDRESS}$`),
  "an address, 0x and 40 hexadecimal digits",
);

/** Whom a worker works for: a broadcaster's peer id, or a stream's id. */
export const broadcaster = matching(
  new RegExp(`^(${PEER}|${STREAM})$`),
  "a broadcaster's peer id (12D3Koo...) or a stream's id of 64 hexadecimal digits",
  lowerHex,
);

/** Whom a broadcaster hires: a worker's peer id, or the address it is paid at. */
export const worker = matching(
  new RegExp(`^(${PEER}|${ADDRESS})$`),
  "a worker's peer id (12D3Koo...) or the address it is paid at",
  lowerHex,
);

/** What a worker says it can do. Source: SPEC.md, `Bid.tags`. */
export const tag = matching(
  /^[\w.:-]{1,32}$/,
  "1 to 32 letters, digits or any of . : _ - without spaces",
);

/**
 * What the members of a private crew know. Its UTF-8 bytes are the token of `Screen`. Everybody sees a hash of it in the crew's
 * offers, so a short or guessable one keeps nobody out.
 */
export const crewToken = matching(/^[A-Za-z0-9_-]{16,128}$/, "16 to 128 letters, digits, _ or -");

const BYTES = 16;

/** A crew's token that nobody guesses: 128 bits as 32 hexadecimal digits. */
export function makeCrewToken(random: Pick<Random, "bytes"> = secureRandom): string {
  return toHex(random.bytes(BYTES));
}
