import { MediaError } from "../errors.ts";

/** Most boxes read at one level inside another box. */
const MAX_BOXES = 64;

/** A box: its type, where it starts, and where its content begins and ends, in bytes. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

export const malformed = (what: string, at: number) =>
  new MediaError({ code: "MEDIA_MALFORMED", at }, `malformed segment: ${what} at byte ${at}`);

/**
 * Reads numbers of one byte array; leaving it is an error with the place, never a crash. `origin` is where the array
 * stands in the segment it was cut from: every place given and taken counts from the segment's start.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #origin: number;

  constructor(bytes: Uint8Array, origin = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#origin = origin;
  }

  /** Everything, as if it were the content of a box. */
  get whole(): { readonly from: number; readonly to: number } {
    return { from: this.#origin, to: this.#origin + this.#bytes.byteLength };
  }

  #place(at: number, size: number): number {
    const place = at - this.#origin;
    if (place < 0 || place + size > this.#bytes.byteLength) throw malformed("ends too early", at);
    return place;
  }
  u8(at: number): number {
    return this.#view.getUint8(this.#place(at, 1));
  }
  u16(at: number): number {
    return this.#view.getUint16(this.#place(at, 2));
  }
  u32(at: number): number {
    return this.#view.getUint32(this.#place(at, 4));
  }
  i32(at: number): number {
    return this.#view.getInt32(this.#place(at, 4));
  }
  u64(at: number): number {
    const value = this.u32(at) * 2 ** 32 + this.u32(at + 4);
    if (!Number.isSafeInteger(value)) throw malformed("a 64-bit number out of range", at);
    return value;
  }
  text(at: number, length: number): string {
    const place = this.#place(at, length);
    return String.fromCharCode(...this.#bytes.subarray(place, place + length));
  }
  /** A copy of the bytes between two places. */
  slice(from: number, to: number): Uint8Array<ArrayBuffer> {
    const place = this.#place(from, to - from);
    return new Uint8Array(this.#bytes.subarray(place, place + to - from));
  }

  boxes(from: number, to: number): Box[] {
    const found: Box[] = [];
    for (let at = from; at < to; ) {
      if (found.length === MAX_BOXES) throw malformed(`more than ${MAX_BOXES} boxes`, at);
      let size = this.u32(at);
      let header = 8;
      if (size === 1) {
        size = this.u64(at + 8);
        header = 16;
      }
      if (size < header || at + size > to) throw malformed(`a box of ${size} bytes`, at);
      found.push({ type: this.text(at + 4, 4), start: at, from: at + header, to: at + size });
      at += size;
    }
    return found;
  }

  /** The one box of this type inside `parent`. */
  child(parent: { from: number; to: number }, type: string): Box {
    const found = this.boxes(parent.from, parent.to).find((box) => box.type === type);
    if (!found) throw malformed(`no ${type} box`, parent.from);
    return found;
  }
}
