import { type BitsPerSecond, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { bandwidthOf, master, media, type Piece, strictest } from "./hls.ts";

const bandwidth = (average: number) => ({ peak: 2 * average, average });
const variant = {
  uri: "720p/index.m3u8",
  codecs: "avc1.4d401f",
  width: 1280,
  height: 720,
  frameRate: 25,
  bandwidth: bandwidth(3_000_000 as BitsPerSecond),
};

test("a variant names both codecs and counts the audio's bits", () => {
  const text = master({
    variants: [variant],
    audio: [{ uri: "audio/index.m3u8", codecs: "opus", bandwidth: bandwidth(64_000), channels: 2 }],
  });
  expect(text.split("\n")).toEqual([
    "#EXTM3U",
    "#EXT-X-VERSION:8",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=6128000,AVERAGE-BANDWIDTH=3064000,CODECS="avc1.4d401f,opus",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio"',
    "720p/index.m3u8",
    "",
  ]);
  expect(master({ variants: [variant] })).not.toContain("AUDIO");
});

test("sound in two codings is two groups, and each variant is offered with either", () => {
  const small = { ...variant, uri: "240p/index.m3u8", codecs: "avc1.4d4015", name: "240p" };
  const text = master({
    variants: [variant, { ...small, width: 426, height: 240, bandwidth: bandwidth(250_000) }],
    audio: [
      { uri: "audio/index.m3u8", codecs: "opus", bandwidth: bandwidth(64_000) },
      {
        group: "audio-aac",
        uri: "audio-aac/index.m3u8",
        codecs: "mp4a.40.2",
        bandwidth: { peak: 130_500.2, average: 128_000 },
      },
    ],
  });
  expect(text.split("\n")).toEqual([
    "#EXTM3U",
    "#EXT-X-VERSION:8",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,URI="audio/index.m3u8"',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-aac",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,URI="audio-aac/index.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=6128000,AVERAGE-BANDWIDTH=3064000,CODECS="avc1.4d401f,opus",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio"',
    "720p/index.m3u8",
    '#EXT-X-STREAM-INF:BANDWIDTH=628000,AVERAGE-BANDWIDTH=314000,CODECS="avc1.4d4015,opus",RESOLUTION=426x240,FRAME-RATE=25.000,AUDIO="audio",NAME="240p"',
    "240p/index.m3u8",
    '#EXT-X-STREAM-INF:BANDWIDTH=6130501,AVERAGE-BANDWIDTH=3128000,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio-aac"',
    "720p/index.m3u8",
    '#EXT-X-STREAM-INF:BANDWIDTH=630501,AVERAGE-BANDWIDTH=378000,CODECS="avc1.4d4015,mp4a.40.2",RESOLUTION=426x240,FRAME-RATE=25.000,AUDIO="audio-aac",NAME="240p"',
    "240p/index.m3u8",
    "",
  ]);
});

test("rates that are no whole numbers are written with three digits", () => {
  const text = master({ variants: [{ ...variant, frameRate: 30_000 / 1001 }] });
  expect(text).toContain("FRAME-RATE=29.970\n");
});

test("of the codec strings of several encoders the most demanding one is named", () => {
  expect(strictest(["avc1.42c01f", "avc1.4D401F", "avc1.4d401e"])).toBe("avc1.4D401F");
  expect(strictest(["vp09.00.21.08", "vp09.00.30.08"])).toBe("vp09.00.30.08");
  expect(strictest([])).toBeUndefined();
});

const piece = (seq: number, id: string, more: Partial<Piece> = {}): Piece => ({
  uri: `${seq}.m4s`,
  duration: Micros.of(2_000_000),
  init: { uri: `init-${seq}.mp4`, id },
  ...more,
});

test("a map stands before the first piece and wherever the init changes, also after a gap", () => {
  const gap: Piece = { uri: "1.m4s", duration: Micros.of(2_000_000), gap: true };
  const text = media({
    kind: "vod",
    pieces: [piece(0, "a"), gap, piece(2, "a"), piece(3, "b"), piece(4, "b"), piece(5, "a")],
  });
  expect(text.split("\n")).toEqual([
    "#EXTM3U",
    "#EXT-X-VERSION:8",
    "#EXT-X-TARGETDURATION:2",
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    '#EXT-X-MAP:URI="init-0.mp4"',
    "#EXTINF:2.000000,",
    "0.m4s",
    "#EXT-X-GAP",
    "#EXTINF:2.000000,",
    "1.m4s",
    "#EXTINF:2.000000,",
    "2.m4s",
    '#EXT-X-MAP:URI="init-3.mp4"',
    "#EXTINF:2.000000,",
    "3.m4s",
    "#EXTINF:2.000000,",
    "4.m4s",
    '#EXT-X-MAP:URI="init-5.mp4"',
    "#EXTINF:2.000000,",
    "5.m4s",
    "#EXT-X-ENDLIST",
    "",
  ]);
});

test("a live list has no end and may be waited for; an event only grows", () => {
  const live = media({
    kind: "live",
    first: 7,
    pieces: [piece(7, "a", { capturedAt: Date.UTC(2026, 10, 21) + 0.4 })],
    canBlockReload: true,
    holdBack: 6,
  });
  expect(live).toContain("#EXT-X-MEDIA-SEQUENCE:7\n");
  expect(live).toContain("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6.000\n");
  expect(live).toContain("#EXT-X-PROGRAM-DATE-TIME:2026-11-21T00:00:00.000Z\n");
  expect(live).not.toMatch(/PLAYLIST-TYPE|ENDLIST/);
  const event = media({ kind: "event", pieces: [piece(0, "a")] });
  expect(event).toContain("#EXT-X-PLAYLIST-TYPE:EVENT\n");
  expect(event).not.toContain("ENDLIST");
  const over = media({ kind: "live", pieces: [], ended: true, canBlockReload: true });
  expect(over).toMatch(/#EXT-X-ENDLIST\n$/);
  expect(over).not.toContain("SERVER-CONTROL");
});

test("no duration, rounded as readers round, is over the target", () => {
  for (const micros of [1, 400_000, 1_499_999, 1_500_000, 2_002_000, 2_499_999, 2_500_000]) {
    const text = media({ kind: "vod", pieces: [piece(0, "a", { duration: Micros.of(micros) })] });
    const target = Number(/TARGETDURATION:(\d+)/.exec(text)?.[1]);
    expect(target).toBeGreaterThanOrEqual(Math.max(1, Math.round(micros / 1e6)));
    expect(target).toBeLessThanOrEqual(Math.ceil(micros / 1e6));
  }
});

test("a name cannot break out of its quotes or its line", () => {
  const text = master({ variants: [{ ...variant, uri: "a\nb", name: 'x"\n#EXT' }] });
  expect(text).toContain('NAME="x#EXT"\nab\n');
});

test("the peak is that of a run of about one segment, not of a short last one", () => {
  const second = (bytes: number, seconds: number) => ({
    bytes,
    duration: Micros.of(seconds * 1e6),
  });
  expect(bandwidthOf([second(1000, 2), second(3000, 2), second(500, 0.1)])).toEqual({
    peak: Math.ceil((3500 * 8) / 2.1),
    average: Math.ceil((4500 * 8) / 4.1),
  });
  expect(bandwidthOf([])).toEqual({ peak: 0, average: 0 });
});
