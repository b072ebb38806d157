/** Sampling rates by their index in MPEG-4 (ISO/IEC 14496-3 table 1.18), in hertz. */
const RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
  7_350,
];

/** What an AudioSpecificConfig, or an ADTS header, says. */
export interface AacConfig {
  /** Sampling rate of the core coder, in hertz: half of what is heard where SBR doubles it. */
  readonly rate: number;
  /** Channel configuration (ISO/IEC 14496-3 table 1.19): the number of channels, but 7 is eight; 0 is told elsewhere. */
  readonly channels: number;
  /** Samples of the core coder in a packet: 1024, seldom 960. */
  readonly samples: number;
}

/** Reads an AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1); undefined if it is cut short or its rate is reserved. */
export function readSpecific(bytes: Uint8Array): AacConfig | undefined {
  let at = 0;
  const bits = (count: number) => {
    let value = 0;
    for (; count > 0; count--, at++)
      value = (value << 1) | (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
  const type = () => {
    const short = bits(5);
    return short === 31 ? 32 + bits(6) : short;
  };
  const rateOf = () => {
    const index = bits(4);
    return index === 15 ? bits(24) : RATES[index];
  };
  const first = type();
  const rate = rateOf();
  const channels = bits(4);
  if (first === 5 || first === 29) {
    rateOf(); // of what is heard
    type();
  }
  const samples = bits(1) === 1 ? 960 : 1024;
  return rate === undefined || rate === 0 || at > 8 * bytes.length
    ? undefined
    : { rate, channels, samples };
}

/** An AudioSpecificConfig of AAC-LC; of two bytes, as most have. */
export function writeSpecific(
  rate: number,
  channels: number,
  type = 2,
): Uint8Array<ArrayBuffer> | undefined {
  const index = RATES.indexOf(rate);
  return index < 0
    ? undefined
    : Uint8Array.of((type << 3) | (index >> 1), ((index & 1) << 7) | (channels << 3));
}

/** An ADTS header, which MPEG-TS puts before each packet and MP4 does not have; undefined if there is none. */
export function readAdts(
  packet: Uint8Array,
):
  | (AacConfig & { readonly specific: Uint8Array<ArrayBuffer>; readonly bytes: number })
  | undefined {
  const [sync = 0, flags = 0, kind = 0, more = 0] = packet;
  if (sync !== 0xff || (flags & 0xf6) !== 0xf0) return undefined;
  const rate = RATES[(kind >> 2) & 15];
  if (rate === undefined) return undefined;
  const channels = ((kind & 1) << 2) | (more >> 6);
  const specific = writeSpecific(rate, channels, (kind >> 6) + 1);
  return specific && { rate, channels, samples: 1024, specific, bytes: flags & 1 ? 7 : 9 };
}

/** The stream of one channel without any spectrum: gain, one long window, no bands, no tools. All its 22 bits are zero. */
const EMPTY = "0".repeat(22);
const [SINGLE, LOW, END] = [`0000000${EMPTY}`, `0110000${EMPTY}`, "111"];
const pair = (tag: string) => `001${tag}0${EMPTY}${EMPTY}`;
/** The elements of each channel configuration (ISO/IEC 14496-3 table 1.19). */
const ELEMENTS: Readonly<Record<number, string>> = {
  1: SINGLE,
  2: pair("0000"),
  3: SINGLE + pair("0000"),
  5: SINGLE + pair("0000") + pair("0001"),
  6: SINGLE + pair("0000") + pair("0001") + LOW,
};

/** A packet of silence, for a hole; undefined for configurations that hardly occur. ISO/IEC 14496-3 section 4.4.2. */
export function silentAac(channels: number): Uint8Array<ArrayBuffer> | undefined {
  const elements = ELEMENTS[channels];
  if (elements === undefined) return undefined;
  const bits = elements + END;
  return Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    Number.parseInt(bits.slice(8 * i, 8 * i + 8).padEnd(8, "0"), 2),
  );
}
