/**
 * Raw planar frames of the picture that `make.sh` codes, on standard output: eight patches of mid-tone colours, all
 * different, so that a turned or mirrored picture is told from an upright one; below them the frame's number as ten
 * bits, black and white, the highest first. Made here and not by ffmpeg's scaler, which is off by two levels.
 * `node picture.mjs <width> <height> <frames> [709|601|2020] [tv|pc] [420|422|444] [8|10]`
 */
import { PATCHES } from "./patches.ts";

const [size, shape] = [process.argv.slice(2, 5).map(Number), process.argv.slice(5)];
const [width, height, frames] = size;
const [matrix = "709", range = "tv", chroma = "420", depth = "8"] = shape;
const [kr, kb] = { 709: [0.2126, 0.0722], 601: [0.299, 0.114], 2020: [0.2627, 0.0593] }[matrix];
const steps = 2 ** (Number(depth) - 8);
const [black, luma, colour] = range === "tv" ? [16, 219, 224] : [0, 255, 255];

/** Y, Cb and Cr of red, green and blue. */
function coded([r, g, b]) {
  const y = kr * r + (1 - kr - kb) * g + kb * b;
  const difference = (value, k) => 128 + ((value - y) / (2 * (1 - k)) / 255) * colour;
  return [black + (y / 255) * luma, difference(b, kb), difference(r, kr)].map((v) =>
    Math.round(v * steps),
  );
}

const patches = PATCHES.map(coded);
const bits = [coded([20, 20, 20]), coded([235, 235, 235])];
const split = Math.round(height * 0.75);
const seen = (x, y, frame) =>
  y < split
    ? patches[4 * Math.floor((2 * y) / split) + Math.floor((4 * x) / width)]
    : bits[(frame >> (9 - Math.floor((10 * x) / width))) & 1];
const [across, down] = { 420: [2, 2], 422: [2, 1], 444: [1, 1] }[chroma];

for (let frame = 0; frame < frames; frame++) {
  const samples = [];
  for (const plane of [0, 1, 2]) {
    const [dx, dy] = plane === 0 ? [1, 1] : [across, down];
    for (let y = 0; y < height; y += dy)
      for (let x = 0; x < width; x += dx) samples.push(seen(x, y, frame)[plane]);
  }
  const bytes =
    depth === "8" ? Uint8Array.from(samples) : new Uint8Array(Uint16Array.from(samples).buffer);
  if (!process.stdout.write(bytes)) await new Promise((go) => process.stdout.once("drain", go));
}
