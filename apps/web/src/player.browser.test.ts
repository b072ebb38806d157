import { createTranscoder, openScene, type Rung } from "@tabcast/media";
import * as Playlists from "@tabcast/media/hls";
import type { Viewer } from "@tabcast/node/types";
import type { BitsPerSecond, Micros } from "@tabcast/runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { type PlayerState, play } from "./player.ts";

const small: Rung = { name: "90p", width: 160, height: 90, bitrate: 120_000 as BitsPerSecond };
const SEGMENTS = 6;
const LENGTH = 1_000_000 as Micros;

interface Piece {
  readonly init: Uint8Array<ArrayBuffer>;
  readonly media: Uint8Array<ArrayBuffer>;
  readonly codecs: string;
}
/** Track name to its segments: the scene itself, a rung transcoded from it, and its sound. */
const tracks = new Map<string, Piece[]>([
  ["90p", []],
  ["source", []],
  ["audio", []],
]);
const spans: { start: number; duration: Micros }[] = [];

beforeAll(async () => {
  const { signal } = new AbortController();
  const source = await openScene({
    signal,
    width: 320,
    height: 180,
    seed: 7,
    pace: "fast",
    segment: LENGTH,
    duration: (SEGMENTS * LENGTH) as Micros,
  });
  const transcoder = createTranscoder();
  for await (const { video, audio, start, duration } of source.segments({ signal })) {
    const { renditions } = await transcoder.transcode(
      { init: video.init, media: video.media, codec: "avc", rungs: [small] },
      { signal },
    );
    spans.push({ start, duration });
    tracks.get("source")?.push(video);
    tracks.get("90p")?.push(renditions[0] as Piece);
    tracks.get("audio")?.push(audio as Piece);
  }
  transcoder.close();
  source.close();
});

/** A live stream that grows whenever the player waits for more, with a gap where `missing` says. */
function stream(missing: ReadonlySet<string> = new Set()) {
  let published = 3;
  const asked: string[] = [];
  const began = Date.now() - 5_000;
  const viewer: Viewer = {
    master: async () => {
      const variant = (name: string, size: { width: number; height: number }, peak: number) => ({
        uri: `${name}/index.m3u8`,
        name,
        ...size,
        codecs: tracks.get(name)?.[0]?.codecs ?? "",
        frameRate: 25,
        bandwidth: { peak, average: peak },
      });
      return Playlists.master({
        variants: [
          variant("90p", small, 120_000),
          variant("source", { width: 320, height: 180 }, 250_000),
        ],
        audio: [
          {
            uri: "audio/index.m3u8",
            codecs: tracks.get("audio")?.[0]?.codecs ?? "",
            bandwidth: { peak: 64_000, average: 64_000 },
          },
        ],
      });
    },
    playlist: async (track, { atLeast = 0 }) => {
      published = Math.min(SEGMENTS, Math.max(published, atLeast + 1));
      return Playlists.media({
        kind: "live",
        target: LENGTH,
        canBlockReload: true,
        ended: published === SEGMENTS,
        pieces: spans.slice(0, published).map(({ duration }, seq) => ({
          uri: `${seq}.m4s`,
          duration,
          capturedAt: began + seq * 1_000,
          ...(missing.has(`${track}/${seq}`)
            ? { gap: true }
            : { init: { uri: `init-${seq}.mp4`, id: `${track}/${seq}` } }),
        })),
      });
    },
    bytes: async (track, what, seq) => {
      asked.push(`${track}/${what}/${seq}`);
      const piece = tracks.get(track)?.[seq];
      if (piece === undefined) throw new RangeError(`no segment ${seq} of ${track}`);
      return { data: piece[what].slice().buffer, firstByteAt: performance.now() };
    },
    close: async () => undefined,
  };
  return { viewer, asked };
}

/** Plays to the end in an element of its own, or fails with what the player said last. */
function watch(viewer: Viewer, on: (state: PlayerState) => void = () => undefined) {
  const video = document.createElement("video");
  video.muted = true;
  video.autoplay = true;
  document.body.append(video);
  const ended = Promise.withResolvers<PlayerState>();
  const player = play({
    viewer,
    video,
    on: (state) => {
      on(state);
      if (state.phase === "ended") ended.resolve(state);
      if (state.phase === "failed") ended.reject(new Error(state.trouble));
    },
  });
  const close = () => {
    player.close();
    video.remove();
  };
  return { video, player, ended: ended.promise, close };
}

// Each plays six small seconds in real time, so they play side by side.
describe.concurrent("the player", () => {
  test("a live stream with sound plays through hls.js to its end, at the rung that was chosen", async () => {
    const { viewer, asked } = stream();
    let chosen = false;
    const { video, player, ended, close } = watch(viewer, (state) => {
      if (chosen || state.phase !== "playing" || state.current === undefined) return;
      chosen = true;
      player.choose(state.current === "source" ? "90p" : "source");
    });
    try {
      const state = await ended;
      expect(state.rungs).toEqual(["90p", "source"]);
      expect(new Set(state.played.values())).toEqual(new Set(["90p", "source"]));
      expect(Math.max(...state.played.keys())).toBe(SEGMENTS - 1);
      expect(state.trouble).toBeUndefined();
      expect(asked.some((one) => one.startsWith("audio/media/"))).toBe(true);
      const { webkitAudioDecodedByteCount } = video as unknown as Record<string, number>;
      expect(webkitAudioDecodedByteCount).toBeGreaterThan(0);
    } finally {
      close();
    }
  });

  test("a segment that one rung misses is played at the other", async () => {
    const { viewer } = stream(new Set(["90p/3", "90p/4"]));
    const { ended, close } = watch(viewer);
    try {
      const state = await ended;
      expect(state.played.get(3)).toBe("source");
      expect(Math.max(...state.played.keys())).toBe(SEGMENTS - 1);
    } finally {
      close();
    }
  });

  test("after a segment that it misses, the rung that was chosen is played again", async () => {
    const { viewer } = stream(new Set(["90p/3"]));
    const { player, ended, close } = watch(viewer, (state) => {
      if (state.chosen === "auto" && state.rungs.length > 0) player.choose("90p");
    });
    try {
      const state = await ended;
      expect(state.chosen).toBe("90p");
      expect([3, 5].map((seq) => state.played.get(seq))).toEqual(["source", "90p"]);
    } finally {
      close();
    }
  });

  for (const [what, missing] of [
    ["a segment that nobody holds at any rung", ["90p/3", "source/3"]],
    ["a segment without picture and sound", ["90p/3", "source/3", "audio/3"]],
    ["two segments in a row without sound", ["audio/2", "audio/3"]],
    ["the first segment of the window", ["90p/0", "source/0"]],
    ["the last segment's sound", ["audio/5"]],
    ["the last segment's picture", ["90p/5", "source/5"]],
  ] as const)
    test(`${what} does not stop the stream`, async () => {
      const { viewer } = stream(new Set<string>(missing));
      const { ended, close } = watch(viewer);
      try {
        const state = await ended;
        const seen = new Set(state.played.keys());
        for (let seq = 0; seq < SEGMENTS; seq++) {
          const held = ["90p", "source"].some(
            (rung) => !missing.includes(`${rung}/${seq}` as never),
          );
          if (held && !missing.includes(`audio/${seq}` as never)) expect(seen).toContain(seq);
        }
        expect(state.trouble).toBeUndefined();
      } finally {
        close();
      }
    });

  test("the distance from the camera is read from the playlist's clock", async () => {
    const { viewer } = stream();
    const behind: number[] = [];
    const { ended, close } = watch(viewer, (state) => {
      if (state.behind !== undefined) behind.push(state.behind);
    });
    try {
      await ended;
      // The stream began 5 s before the page opened it, and it plays in real time.
      expect(Math.min(...behind)).toBeGreaterThan(1);
      expect(Math.max(...behind)).toBeLessThan(30);
    } finally {
      close();
    }
  });
});
