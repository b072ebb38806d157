import { seededRandom } from "@tabcast/runtime";

/** The built-in scene's pictures: the same seed, size and frame number give the same drawing. */
export interface Scene {
  /** Draws frame `index` and returns its canvas, which the next call draws over. */
  draw(index: number): OffscreenCanvas;
}

export interface SceneOptions {
  /** In pixels, even. */
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly seed: number;
}

interface Ball {
  readonly x: number;
  readonly y: number;
  readonly vx: number;
  readonly vy: number;
  readonly radius: number;
  readonly hue: number;
}

/** Where a point that bounces between 0 and `span` is after it has gone `way`. */
const bounce = (way: number, span: number) => {
  const at = ((way % (2 * span)) + 2 * span) % (2 * span);
  return at < span ? at : 2 * span - at;
};

const two = (value: number) => String(Math.floor(value)).padStart(2, "0");

/** Draws with 2D canvas: a drifting texture, bouncing discs, a sweeping hand, a timecode and the frame number. */
export function createScene({ width, height, frameRate, seed }: SceneOptions): Scene {
  const random = seededRandom(seed, "scene");
  const canvas = new OffscreenCanvas(width, height);
  const unit = Math.min(width, height);
  const tile = texture(seed, 512);
  const balls = Array.from(
    { length: 7 },
    (): Ball => ({
      x: random.fraction() * width,
      y: random.fraction() * height,
      vx: (0.1 + random.fraction() * 0.3) * unit,
      vy: (0.1 + random.fraction() * 0.3) * unit,
      radius: (0.04 + random.fraction() * 0.07) * unit,
      hue: Math.floor(random.fraction() * 360),
    }),
  );
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new Error("no 2D canvas in this worker");
  const draw = (index: number) => {
    const seconds = index / frameRate;
    const dx = Math.floor(seconds * 48) % tile.width;
    const dy = Math.floor(seconds * 20) % tile.height;
    for (let x = -dx; x < width; x += tile.width)
      for (let y = -dy; y < height; y += tile.height) context.drawImage(tile, x, y);
    for (const { x, y, vx, vy, radius, hue } of balls) {
      const cx = radius + bounce(x + vx * seconds, width - 2 * radius);
      const cy = radius + bounce(y + vy * seconds, height - 2 * radius);
      context.fillStyle = `hsl(${hue} 60% 55%)`;
      context.beginPath();
      context.arc(cx, cy, radius, 0, 2 * Math.PI);
      context.fill();
      context.fillStyle = `hsl(${hue} 50% 30%)`;
      context.fillRect(cx - radius / 2, cy - radius / 8, radius, radius / 4);
    }
    // One turn a second: a dropped or doubled frame shows at a glance.
    const angle = 2 * Math.PI * (seconds % 1) - Math.PI / 2;
    const hand = { x: width - unit * 0.16, y: unit * 0.16, length: unit * 0.12 };
    context.fillStyle = "#16202b";
    context.beginPath();
    context.arc(hand.x, hand.y, hand.length, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = "#ffb454";
    context.lineWidth = unit * 0.012;
    context.beginPath();
    context.moveTo(hand.x, hand.y);
    context.lineTo(hand.x + Math.cos(angle) * hand.length, hand.y + Math.sin(angle) * hand.length);
    context.stroke();
    const clock = `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}:${two(index % frameRate)}`;
    context.fillStyle = "#101820";
    context.fillRect(unit * 0.04, height - unit * 0.24, unit * 0.86, unit * 0.2);
    context.fillStyle = "#f2f5f7";
    context.font = `bold ${Math.round(unit * 0.12)}px monospace`;
    context.textBaseline = "top";
    context.fillText(clock, unit * 0.07, height - unit * 0.23);
    context.font = `${Math.round(unit * 0.045)}px monospace`;
    context.fillText(`frame ${index}  seed ${seed}`, unit * 0.07, height - unit * 0.095);
    return canvas;
  };
  return { draw };
}

/** A square of soft clouds with fine grain, made so that it repeats without a seam. */
function texture(seed: number, side: number): OffscreenCanvas {
  const random = seededRandom(seed, "texture");
  const waves = Array.from({ length: 10 }, () => ({
    x: random.below(9) - 4,
    y: random.below(9) - 4,
    phase: random.fraction() * 2 * Math.PI,
    channel: random.below(3),
    size: 10 + random.below(16),
  }));
  const pixels = new Uint8ClampedArray(side * side * 4);
  for (let y = 0, at = 0; y < side; y++)
    for (let x = 0; x < side; x++, at += 4) {
      const grain = random.fraction() * 28 - 14;
      const level = [96 + grain, 108 + grain, 116 + grain];
      for (const wave of waves)
        level[wave.channel] =
          (level[wave.channel] as number) +
          wave.size * Math.sin((2 * Math.PI * (wave.x * x + wave.y * y)) / side + wave.phase);
      pixels.set(level, at);
      pixels[at + 3] = 255;
    }
  const tile = new OffscreenCanvas(side, side);
  tile.getContext("2d")?.putImageData(new ImageData(pixels, side, side), 0, 0);
  return tile;
}

/**
 * Samples of the scene's sound, from sample `from` on, at `rate` hertz: a quiet low tone that tells left from right, and
 * a tenth of a second of 1 kHz at each whole second.
 */
export function tone(
  from: number,
  count: number,
  rate: number,
): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
  const left = new Float32Array(count);
  const right = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const seconds = (from + i) / rate;
    const into = seconds % 1;
    const edge = Math.min(1, into / 0.005, (0.1 - into) / 0.005);
    const beep = into < 0.1 ? 0.4 * edge * Math.sin(2 * Math.PI * 1000 * seconds) : 0;
    left[i] = beep + 0.05 * Math.sin(2 * Math.PI * 220 * seconds);
    right[i] = beep + 0.05 * Math.sin(2 * Math.PI * 330 * seconds);
  }
  return [left, right];
}
