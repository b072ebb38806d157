/** Changes to a clip that ffmpeg cannot make: `node patch.mjs <change> <from> <to> [from part] [to part]`. */
import { readFileSync, writeFileSync } from "node:fs";

const [change, from, to, begin, end] = process.argv.slice(2);
const bytes = readFileSync(from);

const changes = {
  /** A part of an MPEG-TS by fractions of its length; it begins with a whole packet. */
  slice: () => {
    const first = Math.floor((bytes.length * begin) / 188) * 188;
    return bytes.subarray(first, Math.floor(bytes.length * end));
  },
  /** Without its table of sync samples every sample of an MP4 counts as one. */
  "all-sync": () => renamed("stss"),
  /** Without `pasp`, and with the coded size in the track's header, only the bitstream tells the shape of its pixels. */
  "vui-only": () => {
    bytes.writeUInt32BE(160 * 0x10000, bytes.indexOf("tkhd") + 4 + 76);
    return renamed("pasp");
  },
  /** The video track's matrix with its first element negated: a mirror, left to right. */
  mirrored: () => {
    const tkhd = bytes.indexOf("tkhd") + 4; // the first track is the video
    bytes.writeInt32BE(-0x10000, tkhd + 40);
    bytes.writeInt32BE(160 * 0x10000, tkhd + 64);
    return bytes;
  },
  /** Matroska SimpleBlocks (0xa3) of track 1 lose their key flag. Sizes here are one, two or three bytes long. */
  unlabelled: () => {
    for (let at = bytes.indexOf(0xa3); at !== -1; at = bytes.indexOf(0xa3, at + 1)) {
      const size = Math.clz32(bytes[at + 1]) - 23;
      // Track number 1 as 0x81, a time, and no flag but the key's.
      if (size >= 1 && size <= 3 && bytes[at + 1 + size] === 0x81 && bytes[at + 4 + size] === 0x80)
        bytes[at + 4 + size] = 0;
    }
    return bytes;
  },
};

function renamed(type) {
  bytes.write("free", bytes.indexOf(type));
  return bytes;
}

writeFileSync(to, changes[change]());
