/**
 * `AbortController` and `AbortSignal` for virtual time: what fires, when and in which order is the platform's. The platform's own
 * cost a sixth of a run and more: each combined signal takes weak references and finalizers, each abort a DOM event.
 */

type Listener = () => void;

interface Heard {
  readonly listener: Listener;
  readonly once: boolean;
  gone: boolean;
}

/** Which of two combined signals hears first: whoever was listened to first. */
let ranks = 0;
const refuse = (what: string) => new TypeError(`not modelled: ${what}`);
/** The sources of a signal that is not combined. */
const NONE: readonly ModelSignal[] = [];
const ABORTED = new DOMException("This operation was aborted", "AbortError");

class ModelSignal {
  #aborted = false;
  #reason: unknown;
  #heard: Heard[] = [];
  /** Of a combined signal: the uncombined ones that it depends on. */
  #sources: readonly ModelSignal[] = NONE;
  /** Combined signals that somebody listens to. */
  #followers: Set<ModelSignal> | undefined;
  #rank = 0;

  static abort(reason: unknown = ABORTED): ModelSignal {
    const signal = new ModelSignal();
    signal.fire(reason);
    return signal;
  }

  static timeout(): never {
    throw refuse("a timeout of the machine's own time");
  }

  static any(signals: readonly ModelSignal[]): ModelSignal {
    const any = new ModelSignal();
    const sources = new Set<ModelSignal>();
    for (const signal of signals) {
      if (!(signal instanceof ModelSignal)) throw refuse("a signal from outside the run");
      if (signal.aborted) {
        any.fire(signal.reason);
        return any;
      }
      if (signal.#sources === NONE) sources.add(signal);
      else for (const source of signal.#sources) sources.add(source);
    }
    any.#sources = [...sources];
    return any;
  }

  get aborted(): boolean {
    if (!this.#aborted) this.#askSources();
    return this.#aborted;
  }

  get reason(): unknown {
    if (!this.#aborted) this.#askSources();
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.#reason;
  }

  addEventListener(
    type: string,
    listener: Listener,
    { once = false, signal }: { readonly once?: boolean; readonly signal?: AbortSignal } = {},
  ): void {
    if (type !== "abort") throw refuse(`the event ${type}`);
    if (this.aborted || signal?.aborted) return;
    if (this.#heard.some((heard) => heard.listener === listener)) return;
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener));
    this.#heard.push({ listener, once, gone: false });
    if (this.#heard.length === 1) this.#follow();
  }

  removeEventListener(_: string, listener: Listener): void {
    const at = this.#heard.findIndex((heard) => heard.listener === listener);
    if (at < 0) return;
    for (const heard of this.#heard.splice(at, 1)) heard.gone = true;
    // Nobody is told any more: long-lived sources need not know of it. `aborted` asks them.
    if (this.#heard.length === 0)
      for (const source of this.#sources) source.#followers?.delete(this);
  }

  /** Aborts it, and what was combined from it: all are aborted before the first is told. */
  fire(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const followers = [...(this.#followers ?? [])].filter((one) => !one.#aborted);
    followers.sort((a, b) => a.#rank - b.#rank);
    this.#followers = undefined;
    for (const follower of followers) {
      follower.#aborted = true;
      follower.#reason = reason;
    }
    this.#tell();
    for (const follower of followers) follower.#tell();
  }

  #follow(): void {
    if (this.#sources.length === 0) return;
    this.#rank ||= ++ranks;
    for (const source of this.#sources) {
      source.#followers ??= new Set();
      source.#followers.add(this);
    }
  }

  /** One that nobody listens to learns of its sources' end when it is asked: of several, the first one named counts. */
  #askSources(): void {
    const source = this.#sources.find((one) => one.#aborted);
    if (source !== undefined) this.fire(source.#reason);
  }

  #tell(): void {
    for (const source of this.#sources) source.#followers?.delete(this);
    for (const heard of [...this.#heard]) {
      if (heard.gone) continue;
      if (heard.once) this.removeEventListener("abort", heard.listener);
      heard.listener();
    }
  }
}

class ModelController {
  readonly signal = new ModelSignal();

  abort(reason: unknown = ABORTED): void {
    this.signal.fire(reason);
  }
}

/** What is lent to the process for a run. */
export const modelSignals = { AbortController: ModelController, AbortSignal: ModelSignal };
