import type { Bytes } from "@tabcast/runtime";
import { MediaError, messageOf } from "../errors.ts";
import { type Media, type SegmentBounds, SegmentReader } from "../mp4/segment.ts";
import type { Sample } from "../mp4/track.ts";

/** The bytes of a media segment: all of them, or as they come. */
export type SegmentBytes = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * A segment's samples as they come. All are kept until the end, so that whoever decodes them can begin again; the bounds
 * say how much that can be. Reads ahead of the decoder: the bytes are bounded, and a sender is not held up.
 */
export class SegmentInput {
  readonly #reader: SegmentReader;
  readonly #stream: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #pumped: Promise<void>;
  #media: Media | undefined;
  #failure: { readonly error: unknown } | undefined;
  #endedAt: number | undefined;
  #wake = () => {};

  constructor(media: SegmentBytes, bounds: SegmentBounds) {
    this.#reader = new SegmentReader(bounds);
    this.#stream = media instanceof ReadableStream ? media.getReader() : undefined;
    this.#pumped = this.#pump(media instanceof ReadableStream ? undefined : media);
  }

  /** When the last byte came, by `performance.now()`; undefined before. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** Sample `index` in decode order, if it is there and nothing is wrong with the input so far. */
  peek(index: number): Sample | undefined {
    return this.#failure === undefined ? this.#reader.samples[index] : undefined;
  }

  /** Sample `index` in decode order; undefined if the segment ends before it. Throws what is wrong with the input. */
  async at(index: number): Promise<Sample | undefined> {
    for (;;) {
      const sample = this.peek(index);
      if (sample !== undefined) return sample;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#media !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Times of the samples known so far: those of the first chunk at least, once `at(0)` has resolved. */
  get announced(): readonly Pick<Sample, "time" | "duration">[] {
    return this.#reader.announced;
  }

  /** The whole segment, once it has come. Throws what is wrong with the input. */
  async whole(): Promise<Media> {
    await this.#pumped;
    if (this.#media === undefined) throw this.#failure?.error;
    return this.#media;
  }

  /** Asks for no more bytes and tells the sender. May be called at any time. */
  cancel(reason: unknown): void {
    this.#stream?.cancel(reason).catch(() => {}); // the sender failed before
  }

  async #pump(bytes: Uint8Array | undefined): Promise<void> {
    try {
      if (bytes !== undefined) this.#reader.push(bytes);
      else
        for (let piece = await this.#read(); piece; piece = await this.#read()) this.#push(piece);
      this.#endedAt = performance.now();
      this.#media = this.#reader.end();
    } catch (error) {
      this.#failure = { error };
      this.cancel(error);
    } finally {
      this.#wake();
    }
  }

  #push(piece: Uint8Array): void {
    if (!(piece instanceof Uint8Array))
      throw new MediaError(
        { code: "MEDIA_OPTION", option: "media", value: typeof piece },
        `a piece of the media stream is a ${typeof piece}; it must be a Uint8Array`,
      );
    this.#reader.push(piece);
    this.#wake();
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#stream?.read())?.value;
    } catch (error) {
      throw this.#broken(messageOf(error), error);
    }
  }

  #broken(why: string, cause?: unknown): MediaError {
    const { bytes } = this.#reader;
    return new MediaError(
      { code: "MEDIA_INPUT", bytes: bytes as Bytes },
      `the segment broke off after ${bytes} bytes: ${why}`,
      { cause },
    );
  }
}
