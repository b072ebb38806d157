import { concatBytes } from "@tabcast/runtime";

/** Bytes as they are made, for any number of readers, each from the first one on. Bounded by whoever makes them. */
export class Tape {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  readonly #readers = new Set<ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>>();
  #over: { readonly error?: unknown } | undefined;

  /** Keeps the next piece, which must not change afterwards. After `end` and `fail` nothing more is kept. */
  add(piece: Uint8Array<ArrayBuffer>): void {
    if (this.#over) return;
    this.#pieces.push(piece);
    for (const reader of this.#readers) reader.enqueue(piece);
  }

  /** Everything is there. */
  end(): void {
    if (this.#over) return;
    this.#over = {};
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
  }

  /** No more will come: whoever reads gets `error`, also later. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = { error };
    for (const reader of this.#readers) reader.error(error);
    this.#readers.clear();
  }

  /** A stream of the pieces. They are shared by all readers, and must be neither changed nor transferred. */
  read(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let own: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
    return new ReadableStream({
      start: (controller) => {
        own = controller;
        if (this.#over && "error" in this.#over) return controller.error(this.#over.error);
        for (const piece of this.#pieces) controller.enqueue(piece);
        if (this.#over) controller.close();
        else this.#readers.add(controller);
      },
      cancel: () => {
        this.#readers.delete(own);
      },
    });
  }

  /** All that has come, in one. */
  bytes(): Uint8Array<ArrayBuffer> {
    const [only, ...more] = this.#pieces;
    return only && more.length === 0 ? only : concatBytes(...this.#pieces);
  }
}
