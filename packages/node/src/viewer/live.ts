import type { Mesh } from "@tabcast/mesh";
import {
  ANNOUNCE_TTL_MS,
  type Announce,
  Clocks,
  LIVE_TOPIC,
  openAnnounce,
} from "@tabcast/protocol";
import { BoundedMap, steadyTime, systemClock, toHex } from "@tabcast/runtime";
import type { Outside } from "../context.ts";
import { asRungs } from "../wire.ts";
import type { LiveStream } from "./types.ts";

/** Streams remembered at once; the one heard of longest ago makes room. */
const MOST_STREAMS = 256;

/** What a page shows of an announcement. */
export function liveStream(announce: Announce): LiveStream {
  const { title, codec, audio, segmentMs, startedMs, newest, ended } = announce;
  const [source] = asRungs([announce.source]);
  return {
    stream: toHex(announce.stream),
    title,
    codec,
    rungs: asRungs(announce.rungs),
    source: source as LiveStream["source"],
    audio,
    segmentMs,
    startedAt: startedMs,
    newest,
    ended,
  };
}

export type LiveOptions = Pick<Outside, "clock" | "signal">;

/** Calls `on` with all streams on the air, the longest running first, whenever one appears, changes or falls silent for 30 s. */
export function liveStreams(
  mesh: Mesh,
  on: (streams: readonly LiveStream[]) => void,
  { clock = systemClock, signal }: LiveOptions,
): void {
  const clocks = new Clocks();
  const time = steadyTime(clock);
  const known = new BoundedMap<string, { announce: Announce; heard: number }>(MOST_STREAMS);
  const tell = () => {
    const now = clock.now();
    for (const [id, { heard }] of known) if (now - heard > ANNOUNCE_TTL_MS) known.delete(id);
    on(
      [...known.values()]
        .filter(({ announce }) => !announce.ended)
        .map(({ announce }) => liveStream(announce))
        .sort((a, b) => a.startedAt - b.startedAt),
    );
  };
  mesh.subscribe(
    LIVE_TOPIC,
    ({ body }) => {
      openAnnounce(body, { now: time(), clocks }).then(
        (announce) => {
          const id = toHex(announce.stream);
          if ((known.get(id)?.announce.atMs ?? 0) >= announce.atMs) return;
          known.set(id, { announce, heard: clock.now() });
          tell();
        },
        () => {}, // not an announcement: nothing to show
      );
    },
    { signal },
  );
  void (async () => {
    for (;;) {
      await clock.sleep(ANNOUNCE_TTL_MS / 2, { signal });
      tell();
    }
  })().catch(() => {}); // the signal ended it
}
