import { frameOf, isPlain, isPlanar, type Picture420, read420 } from "./planes.ts";

/** How a file's frames become upright: clockwise degrees, then a mirror. Sizes in pixels, upright and even. */
export interface Turn {
  readonly width: number;
  readonly height: number;
  readonly rotation: 0 | 90 | 180 | 270;
  readonly flip: boolean;
}

/**
 * The frame upright, of even size and in a layout that every encoder takes; the one given is closed. A frame that needs
 * nothing is passed on; an odd one loses its last row or column. What is turned, deeper than 8 bits or finer than 4:2:0
 * is copied plane by plane, so its colours stay what they were.
 */
export async function turned(frame: VideoFrame, turn: Turn): Promise<VideoFrame> {
  const turns = turn.rotation !== 0 || turn.flip;
  try {
    if (isPlanar(frame) && (turns || !isPlain(frame))) {
      const picture = await read420(frame);
      return frameOf(turns ? turnedPlanes(picture, turn) : picture, frame);
    }
    return turns ? drawn(frame, turn) : cropped(frame, turn);
  } finally {
    frame.close();
  }
}

/** A frame of other than square pixels, or of another size than the first, is scaled by the encoder. */
function cropped(frame: VideoFrame, { width, height }: Turn): VideoFrame {
  const rect = frame.visibleRect;
  const odd =
    rect &&
    (rect.width !== width || rect.height !== height) &&
    Math.abs(rect.width - width) <= 1 &&
    Math.abs(rect.height - height) <= 1;
  return odd
    ? new VideoFrame(frame, {
        visibleRect: { x: rect.x, y: rect.y, width, height },
        displayWidth: width,
        displayHeight: height,
      })
    : frame.clone();
}

function turnedPlanes({ width, height, data }: Picture420, { rotation, flip }: Turn): Picture420 {
  const luma = width * height;
  const planes = [
    { offset: 0, width, height },
    { offset: luma, width: width / 2, height: height / 2 },
    { offset: luma * 1.25, width: width / 2, height: height / 2 },
  ];
  const target = new Uint8Array(data.length);
  for (const { offset, ...size } of planes) {
    const end = offset + size.width * size.height;
    turnPlane(data.subarray(offset, end), target.subarray(offset, end), {
      ...size,
      rotation,
      flip,
    });
  }
  const sideways = rotation === 90 || rotation === 270;
  return { width: sideways ? height : width, height: sideways ? width : height, data: target };
}

/** Turns one plane clockwise and then mirrors it. `width` and `height` are the source's, in samples. */
function turnPlane(
  source: Uint8Array,
  target: Uint8Array,
  { width, height, rotation, flip }: Turn,
): void {
  const sideways = rotation === 90 || rotation === 270;
  const columns = sideways ? height : width;
  const rows = sideways ? width : height;
  // Where the target's first sample comes from, and how far the source moves per target column and row.
  const [first, perColumn, perRow] = {
    0: [0, 1, width],
    90: [(height - 1) * width, -width, 1],
    180: [height * width - 1, -1, -width],
    270: [width - 1, width, -1],
  }[rotation] as [number, number, number];
  for (let row = 0, at = 0; row < rows; row++) {
    let from = first + row * perRow + (flip ? (columns - 1) * perColumn : 0);
    const step = flip ? -perColumn : perColumn;
    for (let column = 0; column < columns; column++, from += step)
      target[at++] = source[from] as number;
  }
}

/** Frames in other layouts are drawn, which is slower and turns their colours into sRGB. */
function drawn(frame: VideoFrame, { rotation, flip }: Turn): VideoFrame {
  const { displayWidth, displayHeight, timestamp, duration } = frame;
  const sideways = rotation === 90 || rotation === 270;
  const width = sideways ? displayHeight : displayWidth;
  const height = sideways ? displayWidth : displayHeight;
  const canvas = new OffscreenCanvas(width - (width % 2), height - (height % 2));
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("no 2D canvas in this worker");
  context.translate(canvas.width / 2, canvas.height / 2);
  if (flip) context.scale(-1, 1);
  context.rotate((rotation * Math.PI) / 180);
  context.drawImage(frame, -displayWidth / 2, -displayHeight / 2);
  return new VideoFrame(canvas, { timestamp, ...(duration === null ? {} : { duration }) });
}
