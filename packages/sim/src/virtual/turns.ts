/** The ways of a node that holds to turns: bodies leave in chunks, each when it is its peer's turn. The turns are the mesh's own. */
import type { Message, Rank } from "@tabcast/mesh";
import { CHUNK, type Turns } from "@tabcast/mesh/parts";
import type { Net, Node, Way } from "./mesh.ts";
import type { Undo } from "./timeline.ts";

/** What rpc puts around a message, in bytes. */
const FRAME = 16;

export interface InTurnsOptions {
  readonly net: Net;
  readonly from: Node;
  readonly to: Node;
  readonly turns: Turns;
  /** Told of bytes of a body as they arrive, as many as the body has. */
  readonly heard: ((bytes: number) => void) | undefined;
}

/** One direction of a request: in order, a chunk at a time. */
export class InTurns implements Way {
  rank: Rank = "own";
  readonly #options: InTurnsOptions;
  readonly #over = new AbortController();
  #last: Promise<void> = Promise.resolve();
  #undo: Undo = () => {};
  /** Arrivals in the order sent; each is undefined until it came. */
  readonly #coming: { arrive: (() => void) | undefined }[] = [];

  constructor(options: InTurnsOptions) {
    this.#options = options;
  }

  send(message: Message, arrive: () => void): Promise<void> {
    const { net, from } = this.#options;
    from.sent.media += message.body.byteLength * net.options.scale;
    from.sent.control += message.head.byteLength + FRAME;
    this.#last = this.#last.then(() => this.#write(message, arrive)).catch(() => {}); // it was closed
    return this.#last;
  }

  close(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(new Error("the way is closed"));
    this.#undo();
    this.#undo = () => {};
  }

  async #write({ head, body }: Message, arrive: () => void): Promise<void> {
    const { net, to, turns, heard } = this.#options;
    const { scale } = net.options;
    const { signal } = this.#over;
    signal.throwIfAborted();
    const size = body.byteLength * scale;
    // The head, in a packet or two, waits for nobody.
    if (size === 0) return this.#carry(head.byteLength + FRAME, arrive);
    await this.#carry(head.byteLength + FRAME, () => {});
    const take = (at: number) => {
      if (at >= size) return undefined;
      const wish = { peer: to.self, rank: this.rank, size: Math.min(CHUNK, size - at) };
      const turn = turns.take(wish, { signal });
      turn.catch(() => {}); // told below, where it is waited for
      return turn;
    };
    let turn = take(0);
    for (let at = 0; turn !== undefined; at += CHUNK) {
      const leave = await turn;
      const bytes = Math.min(CHUNK, size - at);
      const last = at + bytes >= size;
      try {
        await this.#carry(bytes, () => {
          heard?.(bytes / scale);
          if (last) arrive();
        });
        turn = take(at + CHUNK);
      } finally {
        leave();
      }
    }
  }

  /** Sends bytes; resolves when they have left. Rejects once the way is closed. */
  #carry(bytes: number, arrive: () => void): Promise<void> {
    const { net, from, to } = this.#options;
    const { signal } = this.#over;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      this.#undo = from.up.carry(bytes, () => {
        signal.removeEventListener("abort", stop);
        const slot: { arrive: (() => void) | undefined } = { arrive: undefined };
        this.#coming.push(slot);
        net.travel(from, to, bytes, () => {
          slot.arrive = arrive;
          while (this.#coming[0]?.arrive !== undefined) this.#coming.shift()?.arrive?.();
        });
        resolve();
      });
    });
  }
}
