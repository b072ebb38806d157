/** How a file's frames become upright: clockwise degrees, then a mirror. Sizes in pixels, upright and even. */
export interface Turn {
  readonly width: number;
  readonly height: number;
  readonly rotation: 0 | 90 | 180 | 270;
  readonly flip: boolean;
}

/**
 * The frame upright and of even size; the one given is closed. A frame that needs nothing is passed on; an odd one loses
 * its last row or column; a turned one is copied plane by plane, so its colours stay what they were.
 */
export async function turned(frame: VideoFrame, turn: Turn): Promise<VideoFrame> {
  const { width, height, rotation, flip } = turn;
  const rect = frame.visibleRect;
  try {
    if (rotation !== 0 || flip)
      return frame.format === "I420" && rect
        ? await turnPlanes(frame, rect, turn)
        : drawn(frame, turn);
    // A frame of other than square pixels is scaled to its even size by the encoder.
    const cropped =
      rect &&
      (rect.width !== width || rect.height !== height) &&
      Math.abs(rect.width - width) <= 1 &&
      Math.abs(rect.height - height) <= 1;
    return cropped
      ? new VideoFrame(frame, {
          visibleRect: { x: rect.x, y: rect.y, width, height },
          displayWidth: width,
          displayHeight: height,
        })
      : frame.clone();
  } finally {
    frame.close();
  }
}

async function turnPlanes(
  frame: VideoFrame,
  { x, y, width: fullWidth, height: fullHeight }: DOMRectReadOnly,
  { rotation, flip }: Turn,
): Promise<VideoFrame> {
  const width = fullWidth - (fullWidth % 2);
  const height = fullHeight - (fullHeight % 2);
  const luma = width * height;
  const planes = [
    { offset: 0, stride: width, rows: height },
    { offset: luma, stride: width / 2, rows: height / 2 },
    { offset: luma * 1.25, stride: width / 2, rows: height / 2 },
  ];
  const source = new Uint8Array(luma * 1.5);
  const target = new Uint8Array(luma * 1.5);
  await frame.copyTo(source, { rect: { x, y, width, height }, layout: planes });
  for (const { offset, stride, rows } of planes)
    turnPlane(
      source.subarray(offset, offset + stride * rows),
      target.subarray(offset, offset + stride * rows),
      { width: stride, height: rows, rotation, flip },
    );
  const sideways = rotation === 90 || rotation === 270;
  const { timestamp, duration, colorSpace } = frame;
  return new VideoFrame(target, {
    format: "I420",
    codedWidth: sideways ? height : width,
    codedHeight: sideways ? width : height,
    timestamp,
    ...(duration === null ? {} : { duration }),
    colorSpace: colorSpace.toJSON(),
  });
}

/** Turns one plane clockwise and then mirrors it. `width` and `height` are the source's, in samples. */
export function turnPlane(
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
