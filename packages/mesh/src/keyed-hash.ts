/**
 * HalfSipHash-2-4 of 64 bits (Aumasson, Bernstein): who does not know the key, two words, cannot make two texts that look the same, and
 * it takes microseconds where SHA-256 takes a turn of the event loop. For tables in memory; not for what is signed or sent.
 */
export function keyedHash([k0 = 0, k1 = 0]: readonly [number, number]): (
  bytes: Uint8Array,
) => string {
  return (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const whole = bytes.byteLength >>> 2;
    let last = bytes.byteLength << 24;
    for (let i = 4 * whole; i < bytes.byteLength; i++)
      last |= (bytes[i] as number) << (8 * (i & 3));
    let [a, b, c, d] = [k0 | 0, k1 ^ 0xee, k0 ^ 0x6c796765, k1 ^ 0x74656462];
    let first = 0;
    // Two rounds for each word and four for each half of the result, all in one loop: calls would take longer than the rounds.
    const rounds = 2 * (whole + 1) + 8;
    for (let i = 0; i < rounds; i++) {
      const at = i >>> 1;
      const word = at < whole ? view.getInt32(4 * at, true) : last;
      if (at <= whole && (i & 1) === 0) d ^= word;
      if (i === rounds - 8) c ^= 0xee;
      if (i === rounds - 4) {
        first = b ^ d;
        b ^= 0xdd;
      }
      a = (a + b) | 0;
      b = ((b << 5) | (b >>> 27)) ^ a;
      a = (a << 16) | (a >>> 16);
      c = (c + d) | 0;
      d = ((d << 8) | (d >>> 24)) ^ c;
      a = (a + d) | 0;
      d = ((d << 7) | (d >>> 25)) ^ a;
      c = (c + b) | 0;
      b = ((b << 13) | (b >>> 19)) ^ c;
      c = (c << 16) | (c >>> 16);
      if (at <= whole && (i & 1) === 1) a ^= word;
    }
    return `${(first >>> 0).toString(16)} ${((b ^ d) >>> 0).toString(16)}`;
  };
}
