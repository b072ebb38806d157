/** One plane of 8-bit samples, row after row without padding. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A 4:2:0 picture in limited range: luma 16 to 235, chroma 16 to 240 with 128 for grey. */
export interface Picture {
  readonly luma: Plane;
  readonly u: Plane;
  readonly v: Plane;
}

/** How one side of a plane is cut into `to` equal parts: where each begins, in samples, and how much of that sample is left. */
interface Cuts {
  readonly first: Int32Array;
  readonly part: Float32Array;
}

const cutsOf = new Map<string, Cuts>();

function cuts(from: number, to: number): Cuts {
  const key = `${from}:${to}`;
  const known = cutsOf.get(key);
  if (known) return known;
  const first = new Int32Array(to + 1);
  const part = new Float32Array(to + 1);
  for (let i = 0; i <= to; i++) {
    const at = (i * from) / to;
    first[i] = Math.min(Math.floor(at), from - 1);
    part[i] = at - (first[i] as number);
  }
  // A network has few sizes; strangers do not choose them, rungs do.
  if (cutsOf.size > 64) cutsOf.clear();
  const made = { first, part };
  cutsOf.set(key, made);
  return made;
}

/** Calls `give` with each row of area means of a plane scaled to `width` x `height`; the row is used again. */
function eachRow(
  { width: fromWidth, height: fromHeight, data }: Plane,
  width: number,
  height: number,
  give: (row: Float32Array, y: number) => void,
): void {
  const across = cuts(fromWidth, width);
  const down = cuts(fromHeight, height);
  const share = (width * height) / (fromWidth * fromHeight);
  const sums = new Float32Array(width);
  const add = (y: number, weight: number) => {
    const row = y * fromWidth;
    let sum = 0;
    let x = 0;
    let before = 0;
    for (let i = 1; i <= width; i++) {
      const end = across.first[i] as number;
      for (; x < end; x++) sum += data[row + x] as number;
      const upTo = sum + (across.part[i] as number) * (data[row + end] as number);
      sums[i - 1] = (sums[i - 1] as number) + weight * (upTo - before);
      before = upTo;
    }
  };
  for (let j = 0; j < height; j++) {
    sums.fill(0);
    const top = down.first[j] as number;
    const bottom = down.first[j + 1] as number;
    const skipped = down.part[j] as number;
    const kept = down.part[j + 1] as number;
    if (top === bottom) add(top, kept - skipped);
    else {
      add(top, 1 - skipped);
      for (let y = top + 1; y < bottom; y++) add(y, 1);
      if (kept > 0) add(bottom, kept);
    }
    for (let i = 0; i < width; i++) sums[i] = (sums[i] as number) * share;
    give(sums, j);
  }
}

/** The plane at another size, each sample the mean of the area it covers; the plane itself if the size is its own. */
export function scaled(plane: Plane, width: number, height: number): Plane {
  if (plane.width === width && plane.height === height) return plane;
  const data = new Uint8Array(width * height);
  eachRow(plane, width, height, (row, y) => {
    for (let x = 0; x < width; x++) data[y * width + x] = (row[x] as number) + 0.5;
  });
  return { width, height, data };
}

/** A picture at another size, both sides even. */
export function scaledPicture({ luma, u, v }: Picture, width: number, height: number): Picture {
  return {
    luma: scaled(luma, width, height),
    u: scaled(u, width / 2, height / 2),
    v: scaled(v, width / 2, height / 2),
  };
}

/** Means of `columns` x `rows` equal cells of a plane, in levels, written to `into` at `offset`. */
export function cellMeans(
  plane: Plane,
  columns: number,
  rows: number,
  into: Float32Array,
  offset: number,
): void {
  eachRow(plane, columns, rows, (row, y) => into.set(row, offset + y * columns));
}

/** Brings full-range samples to limited range, in place. ITU-R BT.601 2.5: luma spans 219 steps, chroma 224. */
export function toLimitedRange({ luma, u, v }: Picture): void {
  for (let i = 0; i < luma.data.length; i++)
    luma.data[i] = 16.5 + ((luma.data[i] as number) * 219) / 255;
  for (const { data } of [u, v])
    for (let i = 0; i < data.length; i++)
      data[i] = 128.5 + (((data[i] as number) - 128) * 224) / 255;
}
