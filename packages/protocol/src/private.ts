/**
 * The keys of a private stream, and what is encrypted under them. The crew's key gives the viewers' key and not the other way round: a
 * viewer reads no offer and bids on none. Every key here is made by HKDF-SHA-256 for one purpose of one stream.
 */
import { concatBytes, equalBytes, sha256 } from "@tabcast/runtime";
import { ProtocolError } from "./errors.ts";

/** Bytes of a private stream's key. */
export const STREAM_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What encrypted bytes have more than plain ones: a nonce before and a tag after them. */
export const ENCRYPTED_MORE = NONCE_BYTES + TAG_BYTES;

const text = new TextEncoder();
type Bytes = Uint8Array<ArrayBuffer>;

/** What encrypted bytes are of: they do not open as anything else. */
export interface Of {
  /** A segment's sequence, or the time of a message in Unix milliseconds; 0 where there is neither. */
  readonly number: number;
  /** A track's name, or nothing. */
  readonly name?: string;
}

/** Encrypts and decrypts what one private stream says or shows of one kind. One plaintext has one ciphertext, whoever makes it. */
export interface Cipher {
  encrypt(plain: Uint8Array, of: Of): Promise<Bytes>;
  /** Throws PROTOCOL_ENCRYPTED for what was not encrypted under this key, as this. */
  decrypt(encrypted: Uint8Array, of: Of): Promise<Bytes>;
}

/** What a viewer of a private stream has. */
export interface WatchKeys {
  readonly announce: Cipher;
  readonly entry: Cipher;
  readonly init: Cipher;
  readonly media: Cipher;
}

/** What a private stream's broadcaster and its crew have. */
export interface CrewKeys extends WatchKeys {
  readonly offer: Cipher;
  /** The key for viewers, 32 bytes. */
  readonly watch: Bytes;
  /** The token of the private crew, 32 bytes: a bid shows that its worker knows it. */
  readonly token: Bytes;
}

/** The key of one purpose: HKDF-SHA-256 of `secret`, salted with the stream's id. */
async function derive(secret: Uint8Array, stream: Uint8Array, purpose: string): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret as Bytes, "HKDF", false, ["deriveBits"]);
  const info = text.encode(`tabcast/1/private/${purpose}`);
  const how = { name: "HKDF", hash: "SHA-256", salt: stream as Bytes, info };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * STREAM_KEY_BYTES));
}

/** Stream, number and name, so that no two of them run into each other. */
function contextOf(stream: Uint8Array, { number, name = "" }: Of): Bytes {
  const eight = new Uint8Array(8);
  new DataView(eight.buffer).setBigUint64(0, BigInt(number));
  return concatBytes(stream, eight, text.encode(name));
}

async function openCipher(
  secret: Uint8Array,
  stream: Uint8Array,
  purpose: string,
): Promise<Cipher> {
  const [raw, rawNonce] = await Promise.all([
    derive(secret, stream, purpose),
    derive(secret, stream, `${purpose}/nonce`),
  ]);
  const aes = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const mac = { name: "HMAC", hash: "SHA-256" };
  const forNonces = await crypto.subtle.importKey("raw", rawNonce, mac, false, ["sign"]);

  /**
   * A nonce that hangs on all that is encrypted: it comes twice only where the ciphertext is the same, however often a segment is made,
   * and by however many.
   */
  async function nonceOf(plain: Uint8Array, additionalData: Bytes): Promise<Bytes> {
    const both = concatBytes(await sha256(additionalData), await sha256(plain));
    return new Uint8Array(await crypto.subtle.sign("HMAC", forNonces, both)).slice(0, NONCE_BYTES);
  }

  return {
    async encrypt(plain, of) {
      const additionalData = contextOf(stream, of);
      const iv = await nonceOf(plain, additionalData);
      const how = { name: "AES-GCM", iv, additionalData };
      return concatBytes(iv, new Uint8Array(await crypto.subtle.encrypt(how, aes, plain as Bytes)));
    },
    async decrypt(encrypted, of) {
      const additionalData = contextOf(stream, of);
      const iv = encrypted.slice(0, NONCE_BYTES) as Bytes;
      const how = { name: "AES-GCM", iv, additionalData };
      try {
        const rest = encrypted.subarray(NONCE_BYTES) as Bytes;
        const plain = new Uint8Array(await crypto.subtle.decrypt(how, aes, rest));
        if (equalBytes(await nonceOf(plain, additionalData), iv)) return plain;
      } catch {
        // The platform does not say why, and there is nothing to tell apart.
      }
      throw new ProtocolError(
        { code: "PROTOCOL_ENCRYPTED", kind: purpose },
        `this ${purpose} does not open under the stream's key`,
      );
    },
  };
}

/** The keys of a private stream's viewers, from the 32 bytes in its watch link. Throws PROTOCOL_KEY on another length. */
export async function watchKeys(stream: Uint8Array, key: Uint8Array): Promise<WatchKeys> {
  requireKey(key);
  const open = (purpose: string) => openCipher(key, stream, purpose);
  const ciphers = ["announce", "entry", "init", "media"].map(open);
  const [announce, entry, init, media] = (await Promise.all(ciphers)) as [
    Cipher,
    Cipher,
    Cipher,
    Cipher,
  ];
  return { announce, entry, init, media };
}

/** The keys of a private stream's crew, from the 32 bytes in its crew link. Throws PROTOCOL_KEY on another length. */
export async function crewKeys(stream: Uint8Array, key: Uint8Array): Promise<CrewKeys> {
  requireKey(key);
  const [watch, token, offer] = await Promise.all([
    derive(key, stream, "watch"),
    derive(key, stream, "crew"),
    openCipher(key, stream, "offer"),
  ]);
  return { ...(await watchKeys(stream, watch)), offer, watch, token };
}

function requireKey(key: Uint8Array): void {
  if (key.byteLength !== STREAM_KEY_BYTES) throw notWhole(Math.ceil((key.byteLength * 4) / 3));
}

/** Says how long it was, and never what: whoever reads an error may not be meant to watch. */
const notWhole = (characters: number) =>
  new ProtocolError(
    { code: "PROTOCOL_KEY", characters },
    `a private stream's key has 43 letters, digits, - and _, this one has ${characters} characters or others`,
  );

/** A key as links have it: base64url without padding, 43 characters. */
export const keyText = (key: Uint8Array): string =>
  btoa(String.fromCharCode(...key))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The key of such a text. Throws PROTOCOL_KEY if it is not whole; the error does not repeat it. */
export function parseKey(written: string): Bytes {
  if (!/^[\w-]{43}$/.test(written)) throw notWhole(written.length);
  const key = Uint8Array.from(atob(written.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
    char.charCodeAt(0),
  );
  // The last character has two bits to spare: one key has one text.
  if (keyText(key) !== written) throw notWhole(written.length);
  return key;
}
