import { turned } from "../file/turn.ts";

/** Pixels by which a side may miss the wanted shape before bars are added. */
const SLACK = 2;

interface Box {
  readonly width: number;
  readonly height: number;
}

interface Plane {
  readonly offset: number;
  readonly stride: number;
  readonly rows: number;
}

/** A picture with bars, which is kept so that the bars are painted once. Sizes in samples. */
interface Canvas {
  readonly key: string;
  readonly box: Box;
  readonly rect: { readonly x: number; readonly y: number } & Box;
  readonly planes: readonly Plane[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const even = (side: number) => Math.max(2, side - (side % 2));
const sameColour = (a: VideoColorSpaceInit, b: VideoColorSpaceInit) =>
  a.primaries === b.primaries &&
  a.transfer === b.transfer &&
  a.matrix === b.matrix &&
  a.fullRange === b.fullRange;

/**
 * Brings frames of any shape and colour to one picture, whose size the encoder scales to. Another shape gets bars:
 * stretching distorts faces, and cropping loses the edges of a screen. Another colour than the GOP's is converted, since
 * a GOP has one colour tag; that costs a few milliseconds a frame and lasts until the next GOP, which takes the new one.
 */
export class Fitter {
  readonly #shape: Box;
  #colour: VideoColorSpaceInit | undefined;
  #canvas: Canvas | undefined;

  /** Frames come out in the shape of `shape`, in display pixels. */
  constructor(shape: Box) {
    this.#shape = shape;
  }

  /** Takes the colour of the next frame for all frames until the next call. */
  newColour(): void {
    this.#colour = undefined;
  }

  /** The frame in shape and colour, upright; the one given is closed. */
  async fit(given: VideoFrame): Promise<VideoFrame> {
    const frame = await upright(given);
    const colour = frame.colorSpace.toJSON();
    this.#colour ??= colour;
    // No encoder takes a frame of a layout without a name, such as a depth camera's; as RGB it can be copied.
    const recolour = frame.format === null || !sameColour(colour, this.#colour);
    const box = this.#box(frame);
    if (!box && !recolour) return frame;
    try {
      return await this.#painted(frame, box, recolour);
    } finally {
      frame.close();
    }
  }

  /** The size with bars, in the frame's own samples; undefined if it needs none. */
  #box({ displayWidth, displayHeight, visibleRect }: VideoFrame): Box | undefined {
    const { width, height } = this.#shape;
    const missing = (displayWidth * height) / width - displayHeight;
    if (Math.abs(missing) < SLACK) return undefined;
    const samplesX = (visibleRect?.width ?? displayWidth) / displayWidth;
    const samplesY = (visibleRect?.height ?? displayHeight) / displayHeight;
    const wide = missing > 0 ? displayWidth : (displayHeight * width) / height;
    const high = missing > 0 ? (displayWidth * height) / width : displayHeight;
    return {
      width: even(Math.round(wide * samplesX)),
      height: even(Math.round(high * samplesY)),
    };
  }

  async #painted(frame: VideoFrame, box: Box | undefined, recolour: boolean): Promise<VideoFrame> {
    const planar = !recolour && (frame.format === "I420" || frame.format === "NV12");
    const format = planar ? (frame.format as "I420" | "NV12") : "RGBA";
    const canvas = this.#canvasFor(frame, format, box);
    const { x, y, width, height } = canvas.rect;
    const visible = frame.visibleRect as DOMRectReadOnly;
    await frame.copyTo(canvas.bytes, {
      rect: { x: visible.x, y: visible.y, width, height },
      layout: canvas.planes.map(({ offset, stride }, i) => ({
        offset: offset + inside(format, i, x, y, stride),
        stride,
      })),
      // The browser turns any YUV into RGB by its tag, and the encoder turns RGB into YUV by the tag given below.
      ...(planar ? {} : { format, colorSpace: "srgb" }),
    } as VideoFrameCopyToOptions);
    const { timestamp, duration } = frame;
    return new VideoFrame(canvas.bytes, {
      format,
      codedWidth: canvas.box.width,
      codedHeight: canvas.box.height,
      layout: canvas.planes.map(({ offset, stride }) => ({ offset, stride })),
      timestamp,
      ...(duration === null ? {} : { duration }),
      ...(this.#colour ? { colorSpace: this.#colour } : {}),
    });
  }

  #canvasFor(frame: VideoFrame, format: "I420" | "NV12" | "RGBA", box: Box | undefined): Canvas {
    const visible = frame.visibleRect as DOMRectReadOnly;
    const inner = { width: even(visible.width), height: even(visible.height) };
    const outer = {
      width: Math.max(inner.width, box?.width ?? 0),
      height: Math.max(inner.height, box?.height ?? 0),
    };
    const full = frame.colorSpace.fullRange === true;
    const key = [format, full, inner.width, inner.height, outer.width, outer.height].join();
    if (this.#canvas?.key === key) return this.#canvas;
    const planes = planesOf(format, outer);
    const bytes = new Uint8Array(planes.reduce((end, one) => end + roomOf(one), 0));
    if (format === "RGBA") for (let i = 3; i < bytes.length; i += 4) bytes[i] = 255;
    else bytes.fill(full ? 0 : 16, 0, planes[1]?.offset).fill(128, planes[1]?.offset);
    // Even, so that colour samples stay where they are.
    const x = even(2 + (outer.width - inner.width) / 2) - 2;
    const y = even(2 + (outer.height - inner.height) / 2) - 2;
    this.#canvas = { key, box: outer, rect: { x, y, ...inner }, planes, bytes };
    return this.#canvas;
  }
}

/** Bytes of a plane and one row more: what begins inside a row ends in the one after the last. */
const roomOf = ({ stride, rows }: Omit<Plane, "offset">) => stride * (rows + 1);

function planesOf(format: "I420" | "NV12" | "RGBA", { width, height }: Box): Plane[] {
  const luma = { stride: width, rows: height };
  const both = { stride: width, rows: height / 2 };
  const one = { stride: width / 2, rows: height / 2 };
  const planes = {
    RGBA: [{ stride: width * 4, rows: height }],
    NV12: [luma, both],
    I420: [luma, one, one],
  }[format];
  let offset = 0;
  return planes.map((plane) => {
    const placed = { ...plane, offset };
    offset += roomOf(plane);
    return placed;
  });
}

/** Bytes from a plane's beginning to the sample at `x`, `y` of the picture. */
function inside(format: string, plane: number, x: number, y: number, stride: number): number {
  if (format === "RGBA") return y * stride + x * 4;
  if (plane === 0) return y * stride + x;
  return (y / 2) * stride + (format === "NV12" ? x : x / 2);
}

async function upright(frame: VideoFrame): Promise<VideoFrame> {
  const { rotation = 0, flip = false } = frame as { rotation?: number; flip?: boolean };
  if (rotation === 0 && !flip) return frame;
  const { displayWidth, displayHeight } = frame;
  return turned(frame, {
    width: even(displayWidth),
    height: even(displayHeight),
    rotation: rotation as 0 | 90 | 180 | 270,
    flip,
  });
}
