/** Where chance comes from. */
export interface Random {
  /** A fraction in [0, 1). */
  fraction(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
}

function from(fraction: () => number, bytes: (length: number) => Uint8Array): Random {
  return { fraction, below: (limit) => Math.floor(fraction() * limit), bytes };
}

/** The platform's cryptographic randomness. */
export const secureRandom: Random = from(
  () => (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 2 ** 32,
  (length) => crypto.getRandomValues(new Uint8Array(length)),
);

/**
 * Chance that repeats: the same seed and name give the same stream, and a new name shifts nobody else.
 * Not for keys or nonces. Mulberry32 over an FNV-1a hash of the name.
 */
export function seededRandom(seed: number, name = ""): Random {
  let state = seed >>> 0;
  for (const char of name) state = Math.imul(state ^ (char.codePointAt(0) as number), 0x01000193);
  const fraction = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return from(fraction, (length) => Uint8Array.from({ length }, () => fraction() * 256));
}
