import { copyError, type ErrorCopy, MediaError, restoreError } from "./errors.ts";

/** What the page asks of a worker: one call, or the end of one. */
export type Ask<Call> =
  | { readonly id: number; readonly call: Call }
  | { readonly id: number; readonly abort: true };

/** What a worker says of a call: news while it runs, then its end. */
export type Tell<News, Result> =
  | { readonly id: number; readonly news: News }
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: ErrorCopy };

/** The global scope of a dedicated worker, as far as we use it. */
export interface Scope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

/** The worker's own scope. The page's types and the worker's cannot be loaded together. */
export const scope = globalThis as unknown as Scope;

interface Open<News, Result> {
  news(news: News): void;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** The bytes in a buffer of their own: posting a view copies the whole buffer behind it. */
export const alone = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.byteLength === bytes.buffer.byteLength ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();

export interface CallOptions<News> {
  readonly signal: AbortSignal;
  readonly news?: (news: News) => void;
  readonly transfer?: Transferable[];
}

/** The page's end of a worker that answers calls. `close` rejects what is open with MEDIA_CLOSED. */
export class Caller<Call, News, Result> {
  readonly #worker: Worker;
  readonly #open = new Map<number, Open<News, Result>>();
  #next = 0;
  #closed: MediaError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Tell<News, Result>>) => {
      const open = this.#open.get(data.id);
      if (!open) return;
      if ("news" in data) return open.news(data.news);
      this.#open.delete(data.id);
      if ("result" in data) open.resolve(data.result);
      else open.reject(restoreError(data.error));
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      const why = event.message || "its script could not be loaded";
      this.#end(new MediaError({ code: "MEDIA_WORKER" }, `media worker failed: ${why}`));
    });
  }

  call(call: Call, { signal, news, transfer = [] }: CallOptions<News>): Promise<Result> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal.aborted) return Promise.reject(signal.reason);
    const id = this.#next++;
    return new Promise<Result>((resolve, reject) => {
      const abort = () => {
        this.#open.delete(id);
        this.#worker.postMessage({ id, abort: true } satisfies Ask<Call>);
        reject(signal.reason);
      };
      const ended =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener("abort", abort);
          then(value);
        };
      this.#worker.postMessage({ id, call } satisfies Ask<Call>, transfer); // throws what cannot be moved
      this.#open.set(id, {
        news: (value) => news?.(value),
        resolve: ended(resolve),
        reject: ended(reject),
      });
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  close(): void {
    this.#end(new MediaError({ code: "MEDIA_CLOSED" }, "the media worker was closed"));
  }

  #end(error: MediaError): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#worker.terminate();
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
  }
}

export interface Served<News> {
  readonly signal: AbortSignal;
  readonly news: (news: News) => void;
}

/**
 * The worker's end: answers calls in order, `atOnce` at a time. A call that was aborted while it waited is answered too,
 * with its signal aborted: what came with it may need an end. `transfer` lists what to move instead of copy.
 */
export function serve<Call, News, Result>(
  answer: (call: Call, options: Served<News>) => Promise<Result> | Result,
  transfer: (result: Result) => Transferable[],
  atOnce = 1,
): void {
  const known = new Map<number, AbortController>();
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  const run = async (id: number, call: Call, signal: AbortSignal) => {
    const tell = (message: Tell<News, Result>, moved: Transferable[] = []) => {
      if (!signal.aborted) scope.postMessage(message, moved);
    };
    try {
      const result = await answer(call, { signal, news: (news) => tell({ id, news }) });
      tell({ id, result }, transfer(result));
    } catch (error) {
      tell({ id, error: copyError(error) });
    } finally {
      known.delete(id);
      running--;
      next();
    }
  };
  const next = () => {
    while (running < atOnce && waiting.length > 0) {
      running++;
      void waiting.shift()?.();
    }
  };
  scope.addEventListener("message", ({ data }: MessageEvent<Ask<Call>>) => {
    if ("abort" in data) return known.get(data.id)?.abort();
    const own = new AbortController();
    known.set(data.id, own);
    waiting.push(() => run(data.id, data.call, own.signal));
    next();
  });
}
