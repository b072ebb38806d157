/** Pixels as 8-bit I420: luma, then the two chroma planes at half the size, without padding. Sides in pixels, even. */
export interface Picture420 {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** How a planar frame's samples lie: chroma samples per luma sample across and down, and bits in each. */
interface Layout {
  readonly across: 1 | 2;
  readonly down: 1 | 2;
  readonly bits: 8 | 10 | 12;
  /** Both chroma planes in one, sample by sample. */
  readonly interleaved: boolean;
}

/** The layout of a format that can be read plane by plane; undefined for RGB, and for frames that live on a GPU. */
function layoutOf(format: string | null): Layout | undefined {
  if (format === "NV12") return { across: 2, down: 2, bits: 8, interleaved: true };
  const [, chroma, bits = "8"] = /^I(420|422|444)A?(?:P(10|12))?$/.exec(format ?? "") ?? [];
  if (!chroma) return undefined;
  return {
    across: chroma === "444" ? 1 : 2,
    down: chroma === "420" ? 2 : 1,
    bits: Number(bits) as Layout["bits"],
    interleaved: false,
  };
}

/** True if `read420` can read the frame. */
export const isPlanar = (frame: VideoFrame) => layoutOf(frame.format) !== undefined;

/** True for the layouts that every encoder takes as they are. */
export const isPlain = ({ format }: VideoFrame) => format === "I420" || format === "NV12";

/**
 * The visible pixels of a planar frame as 8-bit 4:2:0, of even size: an odd last row or column is left out. Deeper samples
 * are rounded, finer chroma is the mean of the samples it covers. Matrix and range stay what they were.
 */
export async function read420(frame: VideoFrame): Promise<Picture420> {
  const layout = layoutOf(frame.format);
  const rect = frame.visibleRect;
  if (!layout || !rect) throw new TypeError(`cannot read a frame of format ${frame.format}`);
  const width = rect.width - (rect.width % 2);
  const height = rect.height - (rect.height % 2);
  const cut = { rect: { x: rect.x, y: rect.y, width, height } };
  const bytes = new Uint8Array(frame.allocationSize(cut));
  const placed = await frame.copyTo(bytes, cut);
  const { across, down, bits, interleaved } = layout;
  const wide = bits === 8 ? undefined : new Uint16Array(bytes.buffer);
  const samples = wide ?? bytes;
  const size = wide ? 2 : 1;
  const data = new Uint8Array(width * height * 1.5);
  const drop = bits - 8;
  const half = drop === 0 ? 0 : 1 << (drop - 1);
  const narrow = (value: number) => Math.min(255, (value + half) >> drop);
  const at = (plane: number) => (placed[plane]?.offset ?? 0) / size;
  const stride = (plane: number) => (placed[plane]?.stride ?? 0) / size;

  for (let y = 0; y < height; y++) {
    const from = at(0) + y * stride(0);
    if (!wide) data.set(bytes.subarray(from, from + width), y * width);
    else for (let x = 0; x < width; x++) data[y * width + x] = narrow(wide[from + x] as number);
  }
  const [columns, rows] = [width / 2, height / 2];
  for (const plane of [0, 1]) {
    const to = width * height + plane * columns * rows;
    const [source, begin, step] = interleaved ? [1, plane, 2] : [plane + 1, 0, 1];
    // How many samples of the source each of ours covers.
    const [wider, higher] = [2 / across, 2 / down];
    const count = wider * higher;
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        let sum = count >> 1;
        for (let v = 0; v < higher; v++)
          for (let u = 0; u < wider; u++)
            sum += samples[
              at(source) + (y * higher + v) * stride(source) + (x * wider + u) * step + begin
            ] as number;
        data[to + y * columns + x] = narrow(Math.floor(sum / count));
      }
  }
  return { width, height, data };
}

/** A frame of these pixels, with the time and the colours of the one they come from. */
export function frameOf({ width, height, data }: Picture420, like: VideoFrame): VideoFrame {
  const { timestamp, duration, colorSpace } = like;
  return new VideoFrame(data, {
    format: "I420",
    codedWidth: width,
    codedHeight: height,
    timestamp,
    ...(duration === null ? {} : { duration }),
    colorSpace: colorSpace.toJSON(),
  });
}
