/**
 * Stands in for the parts of hls.js that read MPEG-TS, raw AAC, MP3 and AC-3 and write MP4 from them. Our segments are MP4
 * already, so nothing here ever recognises its input, and hls.js goes on to say that it cannot parse it. Also for its loaders over
 * HTTP, which it has beside the one that the player gives it.
 */
const leftOut = { probe: () => false };
export default leftOut;
export { leftOut as AC3Demuxer };

/** Only subtitles need this, and those are switched off. */
export function normalizePts(): never {
  throw new TypeError("subtitles are not built into this player");
}

/** Only the loader that is left out would use this browser's fetch. */
export const fetchSupported = (): boolean => false;
