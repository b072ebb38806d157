/** A viewer on virtual time: node's own, with a player that only counts. */
import { liveStreams, view } from "@tabcast/node/viewer";
import type { StagedLister, StagedViewer, ViewerPart } from "../stage.ts";
import { openPeer, type World } from "./world.ts";

/** Segments a player has before it starts. */
const START_SEGMENTS = 2;
/** Segment lengths after which a player gives up on a rung. */
const PATIENCE = 4;

export async function stageViewer(world: World, part: ViewerPart): Promise<StagedViewer> {
  const { timeline, signal } = world;
  const { name, seed, stream, key, rungs, segmentMs, untilMs } = part;
  const peer = await openPeer(world, name, seed);
  const { clock } = peer.node.tab;
  const cameAt = timeline.now;
  const player = playerOf(segmentMs, cameAt);
  let playing: Promise<void> = Promise.resolve();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();

  const fetched = async (seq: number): Promise<boolean> => {
    for (const rung of rungs) {
      try {
        await viewer.bytes(rung, "media", seq, { signal: clock.timeout(PATIENCE * segmentMs) });
        return true;
      } catch {
        // The next one: a rung that is a gap, or that nobody gives.
      }
    }
    return false;
  };
  const viewer = view({
    mesh: peer.mesh,
    stream,
    ...(key !== undefined && { key }),
    clock,
    on: (event) => {
      part.on(event);
      if (event.type === "entry") {
        const { seq } = event;
        playing = playing.then(async () => player.came(seq, await fetched(seq), timeline.now));
      }
      if (event.type === "ended") void playing.then(end);
    },
    signal,
  });
  const late = clock.sleep(Math.max(0, untilMs - cameAt));
  const finished = Promise.race([ended, late]).then(async () => {
    await viewer.close();
    return { ...player.figures(), stayedMs: timeline.now - cameAt };
  });
  return { finished };
}

/** A tab that reads the list of live streams, as the page that lists them does. */
export async function stageLister(
  world: World,
  { name, seed }: Pick<ViewerPart, "name" | "seed">,
): Promise<StagedLister> {
  const { mesh, node } = await openPeer(world, name, seed);
  let listed: ReadonlySet<string> = new Set();
  const on = (streams: readonly { readonly stream: string }[]) => {
    listed = new Set(streams.map(({ stream }) => stream));
  };
  const { signal } = world;
  liveStreams(mesh, on, { clock: node.tab.clock, random: world.rng(`list/${name}`), signal });
  return { listed: () => listed };
}

/** Counts what a player would show: it starts with two segments, and stands still while the next one is late. */
function playerOf(segmentMs: number, cameAt: number) {
  const row = { shown: 0, missed: 0, stalls: 0, stalledMs: 0 };
  let startUpMs: number | undefined;
  /** When the first segment's first frame was shown, less what stalls have put off. */
  let origin: number | undefined;
  let first: number | undefined;
  return {
    /** Segment `seq` is there, or was given up, at `now`. */
    came(seq: number, got: boolean, now: number): void {
      first ??= seq;
      if (got) row.shown++;
      else row.missed++;
      if (origin === undefined) {
        if (row.shown < START_SEGMENTS) return;
        startUpMs = now - cameAt;
        origin = now - first * segmentMs;
        return;
      }
      const lateMs = now - (origin + seq * segmentMs);
      if (lateMs <= 0) return;
      row.stalls++;
      row.stalledMs += lateMs;
      origin += lateMs;
    },
    figures: () => ({ ...row, startUpMs }),
  };
}
