/** Why something was refused or failed. */
export { MediaError, type MediaReason } from "./errors.ts";
/** Says what a fragment is, without decoding it. */
export { inspect } from "./inspect.ts";
/** Which rungs a source can have. */
export * from "./ladder.ts";
/** Opens files, the built-in scene and captures as sources of segments. */
export {
  type CaptureOptions,
  openCapture,
  openFile,
  openScene,
  type SceneOptions,
} from "./source.ts";
/** Turns segments into renditions, and measures how fast this device does. */
export { createTranscoder, measure } from "./transcoder.ts";
export type * from "./types.ts";
