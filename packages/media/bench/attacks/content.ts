import { type Random, seededRandom } from "@tabcast/runtime";

/** Pictures of a made or stored clip. Sizes in pixels; frames are the caller's to close. */
export interface Clip {
  /** `micros` is the frame's time. */
  draw(index: number, micros: number): VideoFrame | Promise<VideoFrame>;
}

export interface ClipOptions {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly seed: number;
}

/** What people broadcast, as far as it can be made from a seed. */
export const MADE: Readonly<Record<string, (options: ClipOptions) => Clip>> = {
  cartoon,
  camera,
  text,
  dark,
  pan,
  slide,
  edited,
};

const LIMITED = {
  primaries: "bt709",
  transfer: "bt709",
  matrix: "bt709",
  fullRange: false,
} as const;

/** A frame of I420 bytes. */
export const frameOf = (
  data: Uint8Array<ArrayBuffer>,
  { width, height }: { readonly width: number; readonly height: number },
  timestamp: number,
  colorSpace: VideoColorSpaceInit = LIMITED,
) =>
  new VideoFrame(data, {
    format: "I420",
    codedWidth: width,
    codedHeight: height,
    timestamp,
    colorSpace,
  });

function canvasOf({ width, height }: ClipOptions) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new Error("no 2D canvas");
  return { canvas, context };
}

const hue = (random: Random, saturation: number, light: number) =>
  `hsl(${random.below(360)} ${saturation}% ${light}%)`;

/** Flat colours, hard outlines, figures that move on twos as drawn animation does. */
function cartoon(options: ClipOptions): Clip {
  const { width, height, frameRate, seed } = options;
  const random = seededRandom(seed, "cartoon");
  const { canvas, context } = canvasOf(options);
  const unit = Math.min(width, height);
  const shapes = Array.from({ length: 26 }, (_, i) => ({
    moves: i > 15,
    x: random.fraction() * width,
    y: random.fraction() * height,
    size: (0.04 + 0.14 * random.fraction()) * unit,
    vx: (random.fraction() - 0.5) * 0.8 * unit,
    vy: (random.fraction() - 0.5) * 0.4 * unit,
    fill: hue(random, 30 + random.below(60), 35 + random.below(40)),
    round: random.fraction() < 0.5,
    turn: random.fraction() * 3,
  }));
  const [sky, ground] = [hue(random, 40, 75), hue(random, 35, 45)];
  const line = Math.max(1.5, unit / 180);
  return {
    draw(index, timestamp) {
      const seconds = (index - (index % 2)) / frameRate;
      context.fillStyle = sky;
      context.fillRect(0, 0, width, height);
      context.fillStyle = ground;
      context.fillRect(0, height * 0.65, width, height);
      context.lineWidth = line;
      context.strokeStyle = "#181410";
      for (const { moves, x, y, size, vx, vy, fill, round, turn } of shapes) {
        const t = moves ? seconds : 0;
        const cx = (((x + vx * t) % width) + width) % width;
        const cy = y + vy * Math.sin(2 * t) * 0.5;
        context.save();
        context.translate(cx, cy);
        context.rotate(turn + (moves ? t * turn : 0));
        context.beginPath();
        if (round) context.ellipse(0, 0, size, size * 0.7, 0, 0, 2 * Math.PI);
        else context.rect(-size, -size / 2, 2 * size, size);
        context.fillStyle = fill;
        context.fill();
        context.stroke();
        context.restore();
      }
      return new VideoFrame(canvas, { timestamp });
    },
  };
}

/** Words of made-up code in the lines of an editor. */
function lines(random: Random, count: number): string[] {
  const word = () =>
    String.fromCharCode(
      ...Array.from({ length: 2 + random.below(8) }, () => 97 + random.below(26)),
    );
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 1 + random.below(9) }, word);
    return " ".repeat(2 * random.below(5)) + words.join([" ", ".", "(", " = "][random.below(4)]);
  });
}

/** An editor that scrolls now and then, with a cursor that types. */
function text(options: ClipOptions): Clip {
  const { width, height, frameRate, seed } = options;
  const random = seededRandom(seed, "text");
  const { canvas, context } = canvasOf(options);
  const size = Math.round(height / (22 + random.below(14)));
  const all = lines(random, 400);
  const isDark = random.fraction() < 0.5;
  const colours = Array.from({ length: 5 }, () => hue(random, 60, isDark ? 70 : 30));
  const scrollEvery = [0, 1, 1.7][random.below(3)] as number;
  const typed = lines(random, 1).join("").repeat(8);
  return {
    draw(index, timestamp) {
      const seconds = index / frameRate;
      context.fillStyle = isDark ? "#1c1f26" : "#fbfbf8";
      context.fillRect(0, 0, width, height);
      context.font = `${size}px monospace`;
      context.textBaseline = "top";
      const top = scrollEvery === 0 ? 0 : Math.floor(seconds / scrollEvery) * 3;
      for (let row = 0; row * size * 1.3 < height; row++) {
        context.fillStyle = colours[(row + top) % colours.length] as string;
        context.fillText(all[(row + top) % all.length] as string, size, row * size * 1.3);
      }
      context.fillStyle = isDark ? "#f0f0f0" : "#101010";
      context.fillText(`> ${typed.slice(0, Math.floor(seconds * 9))}`, size, height * 0.6);
      if (seconds % 1 < 0.5) context.fillRect(size * 2, height * 0.66, size * 0.6, size);
      return new VideoFrame(canvas, { timestamp });
    },
  };
}

/** A slide that stands still: title, points, a photograph. */
function slide(options: ClipOptions): Clip {
  const { width, height, seed } = options;
  const random = seededRandom(seed, "slide");
  const { canvas, context } = canvasOf(options);
  const size = height / 16;
  context.fillStyle = hue(random, 15, 94);
  context.fillRect(0, 0, width, height);
  context.fillStyle = hue(random, 60, 25);
  context.font = `${1.6 * size}px sans-serif`;
  context.fillText(lines(random, 1).join(" ").slice(0, 24), size, 2 * size);
  context.font = `${size}px sans-serif`;
  lines(random, 6).forEach((line, i) => {
    context.fillText(`- ${line.trim().slice(0, 28)}`, size, (4.5 + 1.8 * i) * size);
  });
  const picture = context.createImageData(Math.round(width * 0.35), Math.round(height * 0.5));
  const photo = texture(random, picture.width, picture.height);
  for (let i = 0; i < photo.length; i++)
    picture.data.set([photo[i] as number, 40 + 0.8 * (photo[i] as number), 120, 255], 4 * i);
  context.putImageData(picture, width * 0.6, height * 0.35);
  return { draw: (_, timestamp) => new VideoFrame(canvas, { timestamp }) };
}

/** Value noise in five octaves that wraps round: what grass, walls and crowds look like from afar. 16 to 235. */
function texture(random: Random, width: number, height: number): Uint8Array {
  const sums = new Float32Array(width * height);
  for (let cells = 6, gain = 1; cells <= 96; cells *= 2, gain *= 0.62) {
    const down = Math.max(2, Math.round((cells * height) / width));
    const grid = Float32Array.from({ length: cells * down }, () => random.fraction() - 0.5);
    for (let y = 0; y < height; y++) {
      const gy = (y * down) / height;
      const [y0, fy] = [Math.floor(gy), gy % 1];
      const y1 = (y0 + 1) % down;
      for (let x = 0; x < width; x++) {
        const gx = (x * cells) / width;
        const x0 = Math.floor(gx);
        const x1 = (x0 + 1) % cells;
        const fx = gx - x0;
        const top = mix(grid[y0 * cells + x0] as number, grid[y0 * cells + x1] as number, fx);
        const bottom = mix(grid[y1 * cells + x0] as number, grid[y1 * cells + x1] as number, fx);
        sums[y * width + x] = (sums[y * width + x] as number) + gain * mix(top, bottom, fy);
      }
    }
  }
  return Uint8Array.from(sums, (sum) => Math.min(235, Math.max(16, 125 + 120 * sum)));
}

const mix = (a: number, b: number, part: number) => a + (b - a) * part;

/** Many values of near-normal noise with a deviation of one, to be read from any place. */
function noise(random: Random): Float32Array {
  return Float32Array.from(
    { length: 1 << 16 },
    () =>
      1.73 * (random.fraction() + random.fraction() + random.fraction() + random.fraction() - 2),
  );
}

interface View {
  /** Where the camera looks at a frame, in pixels of the texture. */
  readonly at: (index: number) => readonly [x: number, y: number];
  /** Deviation of the sensor's noise, in levels. */
  readonly grain: number;
  /** Luma is 16 + gain x (texture - 16). */
  readonly gain: number;
  readonly spots: number;
}

/** A camera's view of a textured world, with things that move in it, and noise. */
function seen({ width, height, frameRate, seed }: ClipOptions, name: string, view: View): Clip {
  const random = seededRandom(seed, name);
  const [worldWidth, worldHeight] = [2 * width, Math.round(1.25 * height)];
  const world = texture(random, worldWidth, worldHeight);
  const grain = noise(random);
  const tint = [108 + random.below(40), 108 + random.below(40)] as const;
  const spots = Array.from({ length: view.spots }, () => ({
    x: random.fraction() * width,
    y: random.fraction() * height,
    vx: (random.fraction() - 0.5) * width * 0.6,
    size: (0.03 + 0.09 * random.fraction()) * height,
    luma: 60 + random.below(170),
    u: 80 + random.below(96),
    v: 80 + random.below(96),
  }));
  const [halfWidth, halfHeight] = [width / 2, height / 2];
  return {
    draw(index, timestamp) {
      const data = new Uint8Array(width * height * 1.5);
      const [left, top] = view.at(index).map(Math.round) as [number, number];
      for (let y = 0; y < height; y++) {
        const row = ((((y + top) % worldHeight) + worldHeight) % worldHeight) * worldWidth;
        let x0 = ((left % worldWidth) + worldWidth) % worldWidth;
        let n = random.below(1 << 16);
        for (let x = 0; x < width; x++) {
          const value = 16 + view.gain * ((world[row + x0] as number) - 16);
          data[y * width + x] = value + view.grain * (grain[n] as number) + 0.5;
          n = (n + 1) & 0xffff;
          if (++x0 === worldWidth) x0 = 0;
        }
      }
      const u = width * height;
      const v = u * 1.25;
      for (let y = 0; y < halfHeight; y++)
        for (let x = 0; x < halfWidth; x++) {
          const around = ((data[2 * y * width + 2 * x] as number) - 110) / 8;
          data[u + y * halfWidth + x] = (tint[0] as number) + around;
          data[v + y * halfWidth + x] = (tint[1] as number) - around;
        }
      for (const spot of spots) {
        const seconds = index / frameRate;
        const cx = (((spot.x + spot.vx * seconds) % width) + width) % width;
        disc(
          data,
          width,
          height,
          cx,
          spot.y,
          spot.size,
          spot.luma * Math.min(1, view.gain * 2),
          spot,
        );
      }
      return frameOf(data, { width, height }, timestamp);
    },
  };
}

function disc(
  data: Uint8Array,
  width: number,
  height: number,
  cx: number,
  cy: number,
  radius: number,
  luma: number,
  { u, v }: { readonly u: number; readonly v: number },
): void {
  const quarter = (width * height) / 4;
  for (let y = Math.max(0, Math.ceil(cy - radius)); y < Math.min(height, cy + radius); y++) {
    const half = Math.sqrt(Math.max(0, radius * radius - (y - cy) ** 2));
    const [from, to] = [Math.max(0, Math.round(cx - half)), Math.min(width, Math.round(cx + half))];
    // Shaded, so that it is no flat field.
    for (let x = from; x < to; x++)
      data[y * width + x] = Math.max(16, luma - ((x - cx) / radius) * 20);
    const at = width * height + (y >> 1) * (width / 2);
    data.fill(u, at + (from >> 1), at + (to >> 1));
    data.fill(v, at + quarter + (from >> 1), at + quarter + (to >> 1));
  }
}

/** A camera in the hand: slow drift, a tremble, people, noise. */
function camera(options: ClipOptions): Clip {
  const random = seededRandom(options.seed, "view");
  const [vx, shake] = [(random.fraction() - 0.5) * options.width * 0.15, random.fraction() * 2.5];
  const { frameRate } = options;
  return seen(options, "camera", {
    at: (i) => [
      (vx * i) / frameRate + shake * Math.sin(i * 1.3),
      40 + shake * Math.cos(i * 0.9 + vx),
    ],
    grain: 1.5 + 4 * random.fraction(),
    gain: 0.85,
    spots: 4,
  });
}

/** A night: nearly black, a few lights, noise. */
function dark(options: ClipOptions): Clip {
  const random = seededRandom(options.seed, "night");
  return seen(options, "dark", {
    at: (i) => [20 + Math.sin(i / 20) * 6, 20],
    grain: 1 + 2 * random.fraction(),
    gain: 0.06 + 0.14 * random.fraction(),
    spots: 3,
  });
}

/** A swish across a detailed world: one to three widths a second. */
function pan(options: ClipOptions): Clip {
  const random = seededRandom(options.seed, "swish");
  const speed = (1 + 2 * random.fraction()) * (random.fraction() < 0.5 ? -1 : 1);
  const { width, frameRate } = options;
  return seen(options, "pan", {
    at: (i) => [(speed * width * i) / frameRate, 30],
    grain: 1,
    gain: 0.9,
    spots: 2,
  });
}

/** Shots of a second or less, with hard cuts, cross-fades and flashes between them. */
function edited(options: ClipOptions): Clip {
  const random = seededRandom(options.seed, "edited");
  const { canvas, context } = canvasOf(options);
  const shots = [cartoon, pan, text, camera].map((make, i) =>
    make({ ...options, seed: options.seed + i }),
  );
  const length = 12 + random.below(14);
  const fade = [0, 4, 10][random.below(3)] as number;
  const paint = async (clip: Clip, index: number, alpha: number) => {
    const frame = await clip.draw(index, 0);
    context.globalAlpha = alpha;
    context.drawImage(frame, 0, 0);
    frame.close();
  };
  return {
    async draw(index, timestamp) {
      const at = Math.floor(index / length);
      const into = index % length;
      const [before, now] = [at - 1, at].map((i) => shots[(i + shots.length) % shots.length]) as [
        Clip,
        Clip,
      ];
      await paint(now, index, 1);
      if (at > 0 && into < fade) await paint(before, index, 1 - (into + 1) / (fade + 1));
      if (at > 0 && fade === 0 && into === 0) {
        context.globalAlpha = 0.6;
        context.fillStyle = "white";
        context.fillRect(0, 0, canvas.width, canvas.height);
      }
      return new VideoFrame(canvas, { timestamp });
    },
  };
}

/**
 * A stored clip as many: each seed shows another part of its frames, perhaps mirrored, darker or brighter. Frames are
 * upright RGB pictures.
 */
export function stored(frames: readonly ImageBitmap[], options: ClipOptions): Clip {
  const { width, height, seed } = options;
  const random = seededRandom(seed, "stored");
  const { canvas, context } = canvasOf(options);
  const [first] = frames;
  if (!first) throw new Error("a clip without frames");
  const scale = Math.max(width / first.width, height / first.height) * (1 + random.fraction());
  const [spareX, spareY] = [first.width * scale - width, first.height * scale - height];
  const [x, y] = [-spareX * random.fraction(), -spareY * random.fraction()];
  const start = random.below(frames.length);
  const [mirrored, light] = [random.fraction() < 0.5, 0.6 + 0.6 * random.fraction()];
  return {
    draw(index, timestamp) {
      // There and back, so that no cut is added.
      const at = (start + index) % (2 * frames.length);
      const frame = frames[at < frames.length ? at : 2 * frames.length - 1 - at] as ImageBitmap;
      context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? width : 0, 0);
      context.filter = `brightness(${light})`;
      context.drawImage(frame, x, y, frame.width * scale, frame.height * scale);
      return new VideoFrame(canvas, { timestamp });
    },
  };
}
