import type { Bytes, Micros } from "@tabcast/runtime";

/** One video rung, or the source itself, as a player may choose it. */
export interface Variant {
  /** Its media playlist, relative to the multivariant one. */
  readonly uri: string;
  /** RFC 6381, of its video alone. */
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  /** Mean frames per second. */
  readonly frameRate: number;
  /** Bits per second of its video alone: `bandwidthOf` its segments. */
  readonly bandwidth: Bandwidth;
  readonly name?: string;
}

/** Names of the tracks of sound: what the source has, and its AAC twin for players that cannot take that. */
export const SOUND_TRACKS = ["audio", "audio-aac"] as const;

/** The stream's sound in one coding. */
export interface AudioRendition {
  /** GROUP-ID: players choose between groups by what they can decode. Default "audio". */
  readonly group?: string;
  readonly uri: string;
  readonly codecs: string;
  readonly bandwidth: Bandwidth;
  /** Default "audio". */
  readonly name?: string;
  readonly channels?: number;
}

/** Bits per second: the peak over about one segment, and the mean of the whole. */
export interface Bandwidth {
  readonly peak: number;
  readonly average: number;
}

/** A multivariant playlist's content. Variants are written in the order given; players start with the first. */
export interface Master {
  readonly variants: readonly Variant[];
  /** The same sound in each coding there is; every variant is written once with each, in this order. */
  readonly audio?: readonly AudioRendition[];
}

/** One segment of one track. */
export interface Piece {
  readonly uri: string;
  readonly duration: Micros;
  /** The init segment it needs. `id` is equal for equal bytes, such as their hash. Absent for a gap. */
  readonly init?: { readonly uri: string; readonly id: string };
  /** When its first frame was captured, Unix milliseconds. */
  readonly capturedAt?: number;
  /** True if nobody has its bytes: players then go on with another rung. */
  readonly gap?: boolean;
  /** True if its times do not follow on from the piece before it. */
  readonly discontinuity?: boolean;
}

/** A media playlist's content. */
export interface Playlist {
  /** "vod": complete. "event": pieces are only added. "live": old pieces go away at the front. */
  readonly kind: "vod" | "event" | "live";
  /** Sequence of the first piece. Default 0. */
  readonly first?: number;
  readonly pieces: readonly Piece[];
  /** True if no piece will follow. A "vod" has always ended. */
  readonly ended?: boolean;
  /** Longest piece to expect; must not shrink between two versions. Default: the longest here. */
  readonly target?: Micros;
  /** True if whoever serves this answers `?_HLS_msn=N` when piece N is there. */
  readonly canBlockReload?: boolean;
  /** Where players begin, in seconds before the end; live only. Default: the player's own choice. */
  readonly holdBack?: number;
}

/** A quoted-string cannot hold these (RFC 8216 section 4.2), whoever named the track. */
const quoted = (value: string) => `"${value.replace(/["\r\n]/g, "")}"`;
const line = (uri: string) => uri.replace(/[\r\n]/g, "");
const list = (parts: readonly (string | false | undefined)[]) => parts.filter(Boolean).join(",");

/** The text of a multivariant playlist. */
export function master({ variants, audio = [] }: Master): string {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:8", "#EXT-X-INDEPENDENT-SEGMENTS"];
  for (const { group = "audio", name = "audio", channels, uri } of audio)
    lines.push(
      `#EXT-X-MEDIA:${list([
        "TYPE=AUDIO",
        `GROUP-ID=${quoted(group)}`,
        `NAME=${quoted(name)}`,
        "DEFAULT=YES",
        "AUTOSELECT=YES",
        channels !== undefined && `CHANNELS="${channels}"`,
        `URI=${quoted(uri)}`,
      ])}`,
    );
  for (const sound of audio.length === 0 ? [undefined] : audio)
    for (const variant of variants) lines.push(streamInf(variant, sound), line(variant.uri));
  return `${lines.join("\n")}\n`;
}

function streamInf(
  { codecs, width, height, frameRate, bandwidth, name }: Variant,
  sound: AudioRendition | undefined,
): string {
  const peak = Math.ceil(bandwidth.peak + (sound?.bandwidth.peak ?? 0));
  const average = Math.ceil(bandwidth.average + (sound?.bandwidth.average ?? 0));
  return `#EXT-X-STREAM-INF:${list([
    `BANDWIDTH=${Math.max(1, peak)}`,
    `AVERAGE-BANDWIDTH=${Math.max(1, average)}`,
    `CODECS=${quoted(sound ? `${codecs},${sound.codecs}` : codecs)}`,
    `RESOLUTION=${width}x${height}`,
    `FRAME-RATE=${frameRate.toFixed(3)}`,
    sound && `AUDIO=${quoted(sound.group ?? "audio")}`,
    name !== undefined && `NAME=${quoted(name)}`,
  ])}`;
}

/**
 * The one of a track's RFC 6381 strings that asks most of a decoder: those of one family rise with profile, then level.
 * Segments of one rung may come from different encoders. Undefined for none.
 */
export const strictest = (codecs: readonly string[]): string | undefined =>
  codecs.reduce<string | undefined>(
    (most, one) => (most !== undefined && most.toLowerCase() >= one.toLowerCase() ? most : one),
    undefined,
  );

/** The text of a media playlist. Durations have six digits, so that their sum does not drift from the media's times. */
export function media(playlist: Playlist): string {
  const { kind, first = 0, pieces, ended = kind === "vod", canBlockReload, holdBack } = playlist;
  const longest = pieces.reduce((most, { duration }) => Math.max(most, duration), 0);
  const target = Math.max(1, Math.ceil(Math.max(longest, playlist.target ?? 0) / 1e6 - 0.4999));
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:8",
    `#EXT-X-TARGETDURATION:${target}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
  ];
  if (kind !== "live") lines.push(`#EXT-X-PLAYLIST-TYPE:${kind.toUpperCase()}`);
  const control = list([
    canBlockReload && "CAN-BLOCK-RELOAD=YES",
    holdBack !== undefined && `HOLD-BACK=${holdBack.toFixed(3)}`,
  ]);
  if (control && !ended) lines.push(`#EXT-X-SERVER-CONTROL:${control}`);
  lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  let map: string | undefined;
  for (const { uri, duration, init, capturedAt, gap, discontinuity } of pieces) {
    if (discontinuity) lines.push("#EXT-X-DISCONTINUITY");
    if (init && init.id !== map) {
      map = init.id;
      lines.push(`#EXT-X-MAP:URI=${quoted(init.uri)}`);
    }
    if (capturedAt !== undefined)
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(capturedAt)).toISOString()}`);
    if (gap) lines.push("#EXT-X-GAP");
    lines.push(`#EXTINF:${(duration / 1e6).toFixed(6)},`, line(uri));
  }
  if (ended) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/**
 * What segments take, measured: the largest bitrate of any run of them that lasts 0.5 to 1.5 times the longest, as
 * RFC 8216 section 4.3.4.2 asks, and the mean. Zero for none.
 */
export function bandwidthOf(
  pieces: readonly { readonly bytes: Bytes | number; readonly duration: Micros }[],
): Bandwidth {
  const longest = pieces.reduce((most, { duration }) => Math.max(most, duration), 0);
  let peak = 0;
  let total = 0;
  let length = 0;
  for (let from = 0; from < pieces.length; from++) {
    let bytes = 0;
    let span = 0;
    for (let i = from; i < pieces.length; i++) {
      const piece = pieces[i] as (typeof pieces)[number];
      bytes += piece.bytes;
      span += piece.duration;
      if (span > 1.5 * longest) break;
      if (span >= 0.5 * longest && span > 0) peak = Math.max(peak, (bytes * 8e6) / span);
    }
    total += pieces[from]?.bytes ?? 0;
    length += pieces[from]?.duration ?? 0;
  }
  const average = length > 0 ? (total * 8e6) / length : 0;
  return { peak: Math.ceil(Math.max(peak, average)), average: Math.ceil(average) };
}
