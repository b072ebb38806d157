import type { Viewer } from "@tabcast/node/types";
import type { LoaderCallbacks, LoaderConfiguration, LoaderContext } from "hls.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { behindLive, loaderOf, wanted } from "./player.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("self", globalThis);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a URI of the viewer's playlists is read back to what it names", () => {
  expect(wanted("tabcast://stream/master.m3u8")).toEqual({ kind: "master" });
  expect(wanted("tabcast://stream/720p/index.m3u8")).toEqual({ kind: "playlist", track: "720p" });
  expect(wanted("tabcast://stream/720p/index.m3u8?_HLS_msn=12&_HLS_part=0")).toEqual({
    kind: "playlist",
    track: "720p",
    atLeast: 12,
  });
  expect(wanted("tabcast://stream/640x360%40700/init-7.mp4")).toEqual({
    kind: "bytes",
    track: "640x360@700",
    what: "init",
    seq: 7,
  });
  expect(wanted("tabcast://stream/audio/123.m4s")).toEqual({
    kind: "bytes",
    track: "audio",
    what: "media",
    seq: 123,
  });
});

test("any other URI is refused, never guessed at", () => {
  for (const uri of [
    "https://elsewhere.example/720p/1.m4s",
    "tabcast://stream/720p/1.ts",
    "tabcast://stream/1.m4s",
    "tabcast://stream/a/b/1.m4s",
    "tabcast://stream/720p/99999999999999999999.m4s",
  ])
    expect(() => wanted(uri), uri).toThrow(expect.objectContaining({ code: "PLAYER_URI" }));
});

/** A viewer whose answers the test gives by hand, and the signals it was handed. */
function byHand() {
  const answer = Promise.withResolvers<{ data: ArrayBuffer; firstByteAt: number }>();
  const signals: AbortSignal[] = [];
  const viewer: Viewer = {
    master: async () => "#EXTM3U",
    playlist: async () => "#EXTM3U",
    bytes: (_track, _what, _seq, { signal }) => {
      signals.push(signal);
      return answer.promise;
    },
    close: async () => undefined,
  };
  return { viewer, answer, signals };
}

const config = { loadPolicy: { maxLoadTimeMs: 5_000 } } as LoaderConfiguration;
const context = { url: "tabcast://stream/720p/4.m4s" } as LoaderContext;

function callbacks() {
  return {
    onSuccess: vi.fn(),
    onError: vi.fn(),
    onTimeout: vi.fn(),
    onAbort: vi.fn(),
  } satisfies LoaderCallbacks<LoaderContext>;
}

test("bytes that came are handed on once, with the time their first byte came", async () => {
  const { viewer, answer } = byHand();
  const on = callbacks();
  const loader = new (loaderOf(viewer))();
  loader.load(context, config, on);
  const begun = performance.now();
  vi.advanceTimersByTime(400);
  answer.resolve({ data: new ArrayBuffer(9), firstByteAt: begun + 150 });
  await vi.advanceTimersByTimeAsync(0);
  expect(on.onSuccess).toHaveBeenCalledOnce();
  expect(loader.stats).toMatchObject({ loaded: 9, total: 9 });
  expect(loader.stats.loading.first - loader.stats.loading.start).toBe(150);
  expect(loader.stats.loading.end - loader.stats.loading.start).toBe(400);
  await vi.advanceTimersByTimeAsync(60_000);
  loader.abort();
  expect(on.onTimeout).not.toHaveBeenCalled();
  expect(on.onAbort).not.toHaveBeenCalled();
});

test("at the time limit the request is given up, and a late answer changes nothing", async () => {
  const { viewer, answer, signals } = byHand();
  const on = callbacks();
  new (loaderOf(viewer))().load(context, config, on);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(on.onTimeout).toHaveBeenCalledOnce();
  expect(signals[0]?.aborted).toBe(true);
  answer.resolve({ data: new ArrayBuffer(1), firstByteAt: 0 });
  await vi.advanceTimersByTimeAsync(0);
  expect(on.onSuccess).not.toHaveBeenCalled();
});

test("an abort ends the request, is told once, and is no error", async () => {
  const { viewer, answer, signals } = byHand();
  const on = callbacks();
  const loader = new (loaderOf(viewer))();
  loader.load(context, config, on);
  loader.abort();
  loader.abort();
  loader.destroy();
  answer.reject(new Error("aborted"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(signals[0]?.aborted).toBe(true);
  expect(loader.stats.aborted).toBe(true);
  expect(on.onAbort).toHaveBeenCalledOnce();
  expect(on.onError).not.toHaveBeenCalled();
  expect(on.onTimeout).not.toHaveBeenCalled();
});

test("a refusal reaches hls.js with its words", async () => {
  const { viewer, answer } = byHand();
  const on = callbacks();
  new (loaderOf(viewer))().load(context, config, on);
  answer.reject(new Error("nobody holds segment 4"));
  await vi.advanceTimersByTimeAsync(0);
  expect(on.onError.mock.calls[0]?.[0]).toEqual({ code: 0, text: "nobody holds segment 4" });
});

test("seconds behind live come from the camera's clock unless that clock cannot be right", () => {
  expect(behindLive(1_000_000, 1_004_500, 9)).toBe(4.5);
  expect(behindLive(1_000_000, 990_000, 9)).toBe(9);
  expect(behindLive(0, 1_000_000_000, 9)).toBe(9);
  expect(behindLive(undefined, 1_000, 2)).toBe(2);
});
