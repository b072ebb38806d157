import type { Viewer } from "@tabcast/node/types";
import { CodedError, describe } from "@tabcast/runtime";
import Hls, {
  type Fragment,
  type Level,
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  type LoaderStats,
} from "hls.js";
import { skipGaps } from "./gaps.ts";

/** Why a stream cannot be played here. */
export class PlayerError extends CodedError<
  /** The browser has no Media Source Extensions. Do: use another browser. */
  | { code: "PLAYER_UNSUPPORTED" }
  /** hls.js asked for something that is no part of the stream. Do: report it. */
  | { code: "PLAYER_URI"; uri: string }
  /** Playing failed again and again. Do: reload the page; choose a lower rung. */
  | { code: "PLAYER_BROKEN"; details: string }
> {}

/** What hls.js asks for, read back from the URI that the viewer's playlist gave it. */
export type Wanted =
  | { readonly kind: "master" }
  | { readonly kind: "playlist"; readonly track: string; readonly atLeast?: number }
  | {
      readonly kind: "bytes";
      readonly track: string;
      readonly what: "init" | "media";
      readonly seq: number;
    };

/** The address hls.js is given; nothing is ever fetched from it. */
export const MASTER = "tabcast://stream/master.m3u8";

/** Maps a URI of the viewer's playlists to what it names. Throws PLAYER_URI for any other. */
export function wanted(uri: string): Wanted {
  const [path = "", query = ""] = uri.replace(/^tabcast:\/\/stream\//, "").split("?");
  if (path === "master.m3u8") return { kind: "master" };
  const match = /^([^/]+)\/(?:(index\.m3u8)|(init-)?(\d{1,15})\.(?:mp4|m4s))$/.exec(path);
  if (match === null)
    throw new PlayerError({ code: "PLAYER_URI", uri }, `not a URI of this stream: ${uri}`);
  const track = decodeURIComponent(match[1] as string);
  if (match[2] !== undefined) {
    const atLeast = /(?:^|&)_HLS_msn=(\d{1,15})/.exec(query)?.[1];
    return { kind: "playlist", track, ...(atLeast !== undefined && { atLeast: Number(atLeast) }) };
  }
  return { kind: "bytes", track, what: match[3] ? "init" : "media", seq: Number(match[4]) };
}

/** True for sound that this browser's Media Source Extensions take. */
const playsSound = (codecs: string): boolean =>
  Hls.getMediaSource()?.isTypeSupported(`audio/mp4; codecs="${codecs}"`) ?? false;

async function get(viewer: Viewer, uri: string, signal: AbortSignal) {
  const want = wanted(uri);
  if (want.kind === "bytes") return viewer.bytes(want.track, want.what, want.seq, { signal });
  const data =
    want.kind === "master"
      ? await viewer.master({ signal, plays: playsSound })
      : await viewer.playlist(want.track, {
          signal,
          ...(want.atLeast !== undefined && { atLeast: want.atLeast }),
        });
  return { data, firstByteAt: performance.now() };
}

const span = () => ({ start: 0, end: 0 });

/** A loader class for hls.js that asks `viewer` and keeps to the load policy's time limit. */
export function loaderOf(viewer: Viewer): new () => Loader<LoaderContext> {
  return class ViewerLoader implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    readonly stats: LoaderStats = {
      aborted: false,
      loaded: 0,
      retry: 0,
      total: 0,
      chunkCount: 0,
      bwEstimate: 0,
      loading: { ...span(), first: 0 },
      parsing: span(),
      buffering: { ...span(), first: 0 },
    };
    #callbacks: LoaderCallbacks<LoaderContext> | undefined;
    #open = false;
    readonly #own = new AbortController();
    #timer = 0;

    load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      const { stats } = this;
      this.context = context;
      this.#callbacks = callbacks;
      this.#open = true;
      stats.loading.start = performance.now();
      this.#timer = self.setTimeout(() => {
        if (!this.#close()) return;
        this.#own.abort();
        callbacks.onTimeout(stats, context, null);
      }, config.loadPolicy.maxLoadTimeMs);
      get(viewer, context.url, this.#own.signal).then(
        ({ data, firstByteAt }) => {
          if (!this.#close()) return;
          const size = typeof data === "string" ? data.length : data.byteLength;
          const end = performance.now();
          // hls.js divides by these spans; a first byte from the cache lies before the request began.
          stats.loading.first = Math.min(end, Math.max(firstByteAt, stats.loading.start));
          stats.loading.end = end;
          stats.loaded = size;
          stats.total = size;
          callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
        },
        (thrown) => {
          if (this.#close())
            callbacks.onError({ code: 0, text: describe(thrown) }, context, null, stats);
        },
      );
    }

    abort(): void {
      if (!this.#close()) return;
      this.stats.aborted = true;
      this.#own.abort();
      if (this.context !== null) this.#callbacks?.onAbort?.(this.stats, this.context, null);
    }

    destroy(): void {
      this.abort();
      this.#callbacks = undefined;
      this.context = null;
    }

    /** True once: the first of success, failure, time limit and abort wins. */
    #close(): boolean {
      const was = this.#open;
      this.#open = false;
      clearTimeout(this.#timer);
      return was;
    }
  };
}

/**
 * Seconds behind the camera. The playlist's wall clock is the broadcaster's, so a difference that cannot be true
 * (negative, or over two minutes) falls back to the distance from the playlist's newest segment.
 */
export function behindLive(playing: number | undefined, now: number, fromEdge: number): number {
  if (playing === undefined) return fromEdge;
  const behind = (now - playing) / 1000;
  return behind >= 0 && behind <= 120 ? behind : fromEdge;
}

/** What the page shows of a player. */
export interface PlayerState {
  /** Rung names in rising order of bitrate, without "auto". */
  readonly rungs: readonly string[];
  /** The rung on the screen. */
  readonly current?: string;
  /** The rung that was asked for, or "auto". */
  readonly chosen: string;
  readonly behind?: number;
  /** Seconds of media ready to play. */
  readonly buffered: number;
  readonly phase: "loading" | "playing" | "waiting" | "paused" | "ended" | "failed";
  /** The sequence on the screen, and the rung each recent one was played at. */
  readonly seq?: number;
  readonly played: ReadonlyMap<number, string>;
  readonly trouble?: string;
}

export interface PlayOptions {
  readonly viewer: Viewer;
  readonly video: HTMLVideoElement;
  readonly on: (state: PlayerState) => void;
}

export interface Player {
  state(): PlayerState;
  /** A rung's name, or "auto". Unknown names change nothing. */
  choose(rung: string): void;
  /** Jumps to where live playback would be now. */
  toLive(): void;
  /** Detaches from the video. May be called twice. */
  close(): void;
}

/** Recoveries of broken media allowed within half a minute before we say that this browser cannot play it. */
const MOST_RECOVERIES = 4;
const NO_DECODER =
  "This browser has no decoder for any rung of this stream. Chrome, Edge and Safari play it; Firefox on Linux does once the system has libavcodec.";

/** What hls.js may wait for a peer that has to make something first: times in milliseconds. */
const patient = { maxNumRetry: 1_000, retryDelayMs: 500, maxRetryDelayMs: 4_000 };

const settings = {
  lowLatencyMode: true,
  enableWorker: false,
  // Two segments from the newest: one plays while the next is still being transcoded, checked and fetched.
  liveSyncDurationCount: 2,
  liveMaxLatencyDurationCount: 6,
  maxLiveSyncPlaybackRate: 1.1,
  maxBufferLength: 20,
  maxMaxBufferLength: 30,
  backBufferLength: 20,
  // A blocking reload waits for a segment that a second worker may have to make.
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 30_000,
      maxLoadTimeMs: 30_000,
      timeoutRetry: patient,
      errorRetry: patient,
    },
  },
  manifestLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 60_000,
      maxLoadTimeMs: 60_000,
      timeoutRetry: patient,
      errorRetry: patient,
    },
  },
  fragLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 8_000,
      maxLoadTimeMs: 16_000,
      timeoutRetry: { maxNumRetry: 3, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { maxNumRetry: 4, retryDelayMs: 300, maxRetryDelayMs: 2_000 },
    },
  },
};

/** Goes on after what hls.js cannot mend by itself. `close` ends what it has planned. */
function recover(hls: Hls, set: (change: Partial<PlayerState>) => void): { close(): void } {
  const { Events, ErrorTypes } = Hls;
  const recoveries: number[] = [];
  let restart = 0;
  hls.on(Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    if (data.type === ErrorTypes.NETWORK_ERROR) {
      // Peers come and go: keep asking for as long as somebody watches.
      set({ trouble: "Nobody who holds this part of the stream has answered yet. Still asking." });
      clearTimeout(restart);
      restart = self.setTimeout(() => {
        if (hls.levels.length === 0) hls.loadSource(MASTER);
        else hls.startLoad();
      }, 1_000);
      return;
    }
    if (data.details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      set({ phase: "failed", trouble: NO_DECODER });
      return;
    }
    const now = performance.now();
    recoveries.push(now);
    while ((recoveries[0] ?? now) < now - 30_000) recoveries.shift();
    if (recoveries.length <= MOST_RECOVERIES) {
      set({ trouble: "A piece of the stream could not be decoded. Starting again after it." });
      if (recoveries.length % 2 === 0) hls.swapAudioCodec();
      hls.recoverMediaError();
      return;
    }
    set({ phase: "failed", trouble: `This browser cannot play the stream (${data.details}).` });
    hls.stopLoad();
  });
  return { close: () => clearTimeout(restart) };
}

interface Followed {
  readonly signal: AbortSignal;
  readonly state: () => PlayerState;
  readonly set: (change: Partial<PlayerState>) => void;
  /** The picture runs: what troubled it is over. */
  readonly playing: () => void;
}

/** Tells what the video element does. */
function followVideo(
  video: HTMLVideoElement,
  hls: Hls,
  { signal, state, set, playing }: Followed,
): void {
  const look = () => {
    const at = video.currentTime;
    let buffered = 0;
    for (let i = 0; i < video.buffered.length; i++)
      if (video.buffered.start(i) <= at + 0.1 && video.buffered.end(i) > at)
        buffered = video.buffered.end(i) - at;
    set({
      buffered,
      ...(state().phase !== "loading" && {
        behind: behindLive(hls.playingDate?.getTime(), Date.now(), hls.latency),
      }),
    });
  };
  video.addEventListener("playing", playing, { signal });
  video.addEventListener(
    "waiting",
    () => state().phase !== "loading" && set({ phase: "waiting" }),
    {
      signal,
    },
  );
  video.addEventListener("pause", () => !video.ended && set({ phase: "paused" }), { signal });
  video.addEventListener("ended", () => set({ phase: "ended" }), { signal });
  video.addEventListener("timeupdate", look, { signal });
}

/** Plays a viewer's stream in a video element. Throws PLAYER_UNSUPPORTED where there is no Media Source Extensions. */
export function play({ viewer, video, on }: PlayOptions): Player {
  if (!Hls.isSupported())
    throw new PlayerError(
      { code: "PLAYER_UNSUPPORTED" },
      "This browser has no Media Source Extensions, which playing a live stream needs.",
    );
  const { Events } = Hls;
  const loader = loaderOf(viewer);
  const hls = new Hls({ loader, ...settings });

  let state: PlayerState = {
    rungs: [],
    chosen: "auto",
    buffered: 0,
    phase: "loading",
    played: new Map(),
  };
  const set = (change: Partial<PlayerState>) => {
    state = { ...state, ...change };
    on(state);
  };
  const name = (level: Level | undefined): string | undefined => {
    if (level === undefined) return undefined;
    const want = wanted(level.uri);
    return want.kind === "playlist" ? want.track : undefined;
  };

  hls.on(Events.MANIFEST_PARSED, () =>
    set({ rungs: hls.levels.map((level) => name(level) ?? level.name) }),
  );
  hls.on(Events.FRAG_CHANGED, (_, { frag }: { frag: Fragment }) => {
    if (frag.type !== "main" || typeof frag.sn !== "number") return;
    const current = name(hls.levels[frag.level]);
    if (current === undefined) return;
    const played = new Map(state.played).set(frag.sn, current);
    for (const seq of played.keys()) if (played.size > 64) played.delete(seq);
    set({ current, seq: frag.sn, played });
  });

  const levelOf = (rung: string) => hls.levels.findIndex((one) => name(one) === rung);
  // hls.js gives up a chosen level for good at its first gap; what comes after the gap is of the chosen one again.
  hls.on(Events.FRAG_BUFFERED, (_, { frag }: { frag: Fragment }) => {
    if (frag.type !== "main" || state.chosen === "auto" || !hls.autoLevelEnabled) return;
    hls.loadLevel = levelOf(state.chosen);
  });

  const recovery = recover(hls, set);
  const listening = new AbortController();
  const { signal } = listening;
  followVideo(video, hls, {
    signal,
    state: () => state,
    set,
    playing: () => {
      const { trouble: _, ...rest } = state;
      state = rest;
      set({ phase: "playing" });
    },
  });
  skipGaps(hls, video, { signal });
  hls.loadSource(MASTER);
  hls.attachMedia(video);

  return {
    state: () => state,
    choose: (rung) => {
      const level = levelOf(rung);
      if (rung !== "auto" && level < 0) return;
      hls.nextLevel = rung === "auto" ? -1 : level;
      set({ chosen: rung });
    },
    toLive: () => {
      if (hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
      void video.play().catch(() => undefined);
    },
    close: () => {
      recovery.close();
      listening.abort();
      hls.destroy();
    },
  };
}
