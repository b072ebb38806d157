/** Makes AAC of Opus, for players that need it. */

/** Says how loud a track is. */
export { type Level, type Meter, openMeter, SILENCE } from "./capture/meter.ts";
/** Opens cameras, screens, tabs and canvases as sources of segments. */
export {
  type Capture,
  type CaptureOptions,
  type CaptureState,
  openCapture,
  type PartState,
  partOf,
  type Tracks,
} from "./capture/stage.ts";
/** Says whether a rendition is honest. */
export * from "./compare/index.ts";
/** Why something was refused or failed. */
export { MediaError, type MediaReason } from "./errors.ts";
/** Says what a fragment is, without decoding it. */
export { inspect } from "./inspect/inspect.ts";
/** Which rungs a source can have. */
export * from "./ladder.ts";
export { type AacTwin, createAacTwin } from "./sound/aac-twin.ts";
/** Opens files and the built-in scene as sources of segments. */
export { openFile, openScene, type SceneOptions } from "./source/source.ts";
/** What a worker's own jobs say of its speed. */
export * as Observed from "./transcode/observed.ts";
/** Turns segments into renditions, and measures how fast this device does. */
export { createTranscoder, measure } from "./transcode/transcoder.ts";
export type * from "./types.ts";
