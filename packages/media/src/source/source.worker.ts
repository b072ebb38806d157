import { type CapturePlan, playCapture } from "../capture/capture.ts";
import { copyError, type ErrorCopy } from "../errors.ts";
import { type OpenFile, openFileHere } from "../file/file.ts";
import { scope } from "../port.ts";
import type { SourceInfo } from "../types.ts";
import { type Leaving, Outlet } from "./outlet.ts";
import { playScene, type ScenePlan, sceneInfo } from "./scene.ts";

/** What the page may open. Lengths in microseconds. */
export type SourcePlan =
  | {
      readonly kind: "file";
      readonly blob: Blob;
      readonly name: string;
      readonly segment: number;
      readonly pace: "live" | "fast";
    }
  | ({ readonly kind: "scene" } & ScenePlan)
  | ({ readonly kind: "capture" } & CapturePlan);

/** What the page says to a source's worker. */
export type SourceAsk =
  | { readonly open: SourcePlan }
  | { readonly start: true }
  | { readonly taken: true }
  | { readonly stop: true }
  | { readonly awake: true };

/** What the worker says to the page. */
export type SourceTell =
  | { readonly info: SourceInfo }
  | Leaving
  | { readonly end: true }
  | { readonly awake: true }
  | { readonly error: ErrorCopy };

/** Segments a live source holds for a reader that is slow. */
const LIVE_BOUND = 8;
/** Segments a file is ahead of its reader. */
const FAST_BOUND = 2;

const stop = new AbortController();
let file: OpenFile | undefined;
let plan: SourcePlan | undefined;
let outlet: Outlet | undefined;

const tell = (message: SourceTell, transfer: Transferable[] = []) =>
  scope.postMessage(message, transfer);

const send = (leaving: Leaving) => {
  const { video, audio } = "segment" in leaving ? leaving.segment : {};
  const fragments = [video, audio, "sound" in leaving ? leaving.sound : undefined];
  // What is begun is copied: its pieces are also its fragment here.
  tell(
    leaving,
    fragments.flatMap((one) => (one ? [one.init.buffer, one.media.buffer] : [])),
  );
};

async function open(asked: SourcePlan): Promise<void> {
  plan = asked;
  if (asked.kind === "file") {
    file = await openFileHere(asked.blob, asked.name, asked.segment);
    tell({ info: file.info });
  } else if (asked.kind === "scene") tell({ info: sceneInfo(asked) });
}

async function start(): Promise<void> {
  if (!plan || outlet) return;
  const live = plan.kind === "capture" || plan.pace === "live";
  outlet = new Outlet({
    send,
    // A file can wait for its reader; what happens now cannot.
    full: live && plan.kind !== "file" ? "refuse" : "wait",
    bound: live ? LIVE_BOUND : FAST_BOUND,
    early: live && plan.kind !== "file",
    realTime: live && plan.kind === "file",
  });
  const studio = { outlet, stop: stop.signal };
  if (plan.kind === "scene") await playScene(plan, studio);
  else if (plan.kind === "capture") await playCapture(plan, studio);
  else await file?.play(studio);
  tell({ end: true });
}

const failed = (error: unknown) => tell({ error: copyError(error) });

scope.addEventListener("message", ({ data }: MessageEvent<SourceAsk>) => {
  if ("open" in data) open(data.open).catch(failed);
  else if ("start" in data) start().catch(failed);
  else if ("taken" in data) outlet?.taken();
  else if ("awake" in data) tell({ awake: true });
  else stop.abort();
});
