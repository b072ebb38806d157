import type { Bytes } from "@tabcast/runtime";

/** Largest source segment accepted, init and media together, in bytes: 130 Mbit/s for two seconds. */
export const MAX_SEGMENT_BYTES = (32 * 1024 * 1024) as Bytes;
/** Largest picture accepted or made, in pixels, either way up. */
export const MAX_PIXELS = 3840 * 2160;
/** Most frames in one segment: ten seconds at 60 per second. */
export const MAX_FRAMES = 600;
/** Highest frame rate that an encoder is told, per second. */
export const MAX_FRAME_RATE = 240;
