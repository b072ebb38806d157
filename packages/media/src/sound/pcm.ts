/** Samples of one span, one array per channel, from -1 to 1. */
export type Planes = readonly Float32Array<ArrayBuffer>[];

/** The samples of `data`, from its sample `skip` on. */
export function planesOf(data: AudioData, skip = 0): Planes {
  return Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(data.numberOfFrames - skip);
    data.copyTo(plane, { planeIndex, format: "f32-planar", frameOffset: skip });
    return plane;
  });
}

export const silentPlanes = (channels: number, frames: number): Planes =>
  Array.from({ length: channels }, () => new Float32Array(frames));

const HALF = Math.SQRT1_2;
/** Left, right, centre, low frequencies (left out, as ITU-R BS.775 allows), and what stands behind. */
const [L, R, C, LFE, BACK_L, BACK_R, BACK] = [
  [1, 0],
  [0, 1],
  [HALF, HALF],
  [0, 0],
  [HALF, 0],
  [0, HALF],
  [0.5, 0.5],
] as const;
/** What each channel gives to left and right, by the number of channels; in the order that Chromium's decoders give them. */
const DOWNMIX: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  3: [L, R, C],
  4: [L, R, BACK_L, BACK_R],
  5: [L, R, C, BACK_L, BACK_R],
  6: [L, R, C, LFE, BACK_L, BACK_R],
  7: [L, R, C, LFE, BACK, BACK_L, BACK_R],
  8: [L, R, C, LFE, BACK_L, BACK_R, BACK_L, BACK_R],
};

/** The channels' weighted sum; the weights are scaled so that no input can exceed 1. */
function sum(planes: Planes, weights: readonly number[]): Float32Array<ArrayBuffer> {
  const total = Math.max(
    1,
    weights.reduce((all, weight) => all + weight, 0),
  );
  const out = new Float32Array(planes[0]?.length ?? 0);
  planes.forEach((plane, channel) => {
    const weight = (weights[channel] ?? 0) / total;
    if (weight === 0) return;
    for (let i = 0; i < out.length; i++)
      out[i] = (out[i] as number) + weight * (plane[i] as number);
  });
  return out;
}

/**
 * Any number of channels as one or two. Surround is mixed down with the coefficients of ITU-R BS.775-3 table 2 (centre and
 * surrounds at -3 dB), scaled so that it cannot clip; mono stands on both sides.
 */
export function mixed(planes: Planes, channels: number): Planes {
  if (planes.length === channels) return planes;
  const [first, second] = planes;
  if (!first) return silentPlanes(channels, 0);
  if (!second) return Array.from({ length: channels }, () => first);
  const table = DOWNMIX[planes.length];
  const pair: Planes = table
    ? [
        sum(
          planes,
          table.map(([left]) => left),
        ),
        sum(
          planes,
          table.map(([, right]) => right),
        ),
      ]
    : [first, second];
  return channels === 1 ? [sum(pair, [1, 1])] : pair;
}
