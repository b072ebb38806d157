import type { LiveStream, Viewer, ViewerEvent } from "@tabcast/node/types";
import type { Bag } from "./bag.ts";
import type { Identity } from "./identity.ts";

/** How long announcements may take to reach a tab that has just joined, in milliseconds. */
const LISTENING = 8_000;

/** Streams on the air, as far as this tab has heard. */
export interface OnTheAir {
  /** False until one announcement interval has passed, when nothing heard begins to mean something. */
  readonly listened: boolean;
  readonly streams: readonly LiveStream[];
}

export interface WatchOptions {
  readonly stream: string;
  /** What stands after "#" in a private stream's watch link. Default: the stream is not private. */
  readonly key?: string;
  readonly on: (event: ViewerEvent) => void;
  readonly signal: AbortSignal;
}

/** What a tab shows of others' streams. */
export interface TabViewer {
  /** Calls `on` now and whenever the streams on the air change, until `signal` fires. */
  live(on: (now: OnTheAir) => void, options: { signal: AbortSignal }): void;
  /** Follows a stream. Rejects with the signal's reason, VIEWER_STREAM for an id that is none, or PROTOCOL_KEY for a key that is not whole. */
  watch(options: WatchOptions): Promise<Viewer>;
}

export function openViewer({ outside, signal: over }: Bag, identity: Identity): TabViewer {
  return {
    live(on, { signal }) {
      let now: OnTheAir = { listened: false, streams: [] };
      const tell = (change: Partial<OnTheAir>) => {
        if (signal.aborted) return;
        now = { ...now, ...change };
        on(now);
      };
      tell({});
      void (async () => {
        const [{ mesh }, viewer] = await Promise.all([
          identity.visit({ signal }),
          import("@tabcast/node/viewer"),
        ]);
        signal.throwIfAborted();
        viewer.liveStreams(mesh, (streams) => tell({ streams }), { signal });
        await mesh.reachable({ signal });
        await outside.clock.sleep(LISTENING, { signal });
        tell({ listened: true });
      })().catch(() => undefined); // only the signal, or the tab's end, rejects
    },
    async watch({ stream, key, on, signal }) {
      const [{ mesh, seed }, { view }, { Keys }] = await Promise.all([
        identity.visit({ signal }),
        import("@tabcast/node/viewer"),
        import("@tabcast/protocol"),
      ]);
      const signer = await Keys.fromSeed(seed);
      signal.throwIfAborted();
      const { clock } = outside;
      const until = AbortSignal.any([signal, over]);
      return view({
        mesh,
        stream,
        signer,
        clock,
        on,
        signal: until,
        ...(key !== undefined && { key }),
      });
    },
  };
}
