/*
 * One stream per request.
 *
 *   asker     request ------------------------------> next, next, …
 *   answerer            part, part, … end, or a refusal and a reset
 *
 * WebRTC has no back-pressure from reader to writer, so the asker says `next` for each part it took, and the answerer
 * keeps at most WINDOW bytes (or one part, if that is larger) that were not taken.
 */
import { Bytes, type Clock, Millis, toError } from "@tabcast/runtime";
import { MeshError } from "./error.ts";
import { checkSize, frameReader, MAX_HEAD, messagePrefix, Signal, signalFrame } from "./frame.ts";
import type { Handler, Message, Name, PeerId, ServeOptions, Waits } from "./mesh.ts";

/** Bytes of an answer that may be under way and not taken by the asker. */
export const WINDOW = 4 * 1024 * 1024;
/** What a part costs of the window besides its bytes, so that a million empty parts are not free. */
const PART = 1024;

/** A reliable, ordered stream of bytes in both directions, whatever carries it. */
export interface Duplex {
  /** Set once, before the first await: what arrives earlier may be lost. `onEnd` is called once. */
  listen(onBytes: (bytes: Uint8Array) => void, onEnd: (error?: Error) => void): void;
  /** Sends in order and resolves when more may follow. The bytes must stay untouched until `close` resolves. */
  write(bytes: Uint8Array, options: Waits): Promise<void>;
  /** Sends a few bytes at once. Says nothing if the stream is gone. */
  poke(bytes: Uint8Array): void;
  /** Flushes, then ends our side. Never rejects. */
  close(): Promise<void>;
  /** Ends both sides at once; what was not sent is dropped. */
  abort(error: Error): void;
}

async function writeMessage(duplex: Duplex, message: Message, options: Waits): Promise<void> {
  await duplex.write(messagePrefix(message), options);
  if (message.body.byteLength > 0) await duplex.write(message.body, options);
}

/** Waits that can be woken: `wait` resolves at the next `wake`, at once if one came since the last wait. */
function bell() {
  let rung = false;
  let ring = () => {};
  return {
    wake() {
      rung = true;
      ring();
    },
    async wait() {
      if (!rung) await new Promise<void>((resolve) => (ring = resolve));
      rung = false;
    },
  };
}

export interface AskOptions extends Waits {
  readonly peer: PeerId;
  readonly protocol: Name;
  /** Largest body of one part, in bytes. */
  readonly maxBody: number;
}

/** Sends one request and yields the parts of its answer. Ends the stream whichever way the caller leaves. */
export async function* ask(
  duplex: Duplex,
  message: Message,
  { peer, protocol, maxBody, signal }: AskOptions,
): AsyncGenerator<Message, void, void> {
  const parts: Message[] = [];
  const news = bell();
  let held = 0;
  let ended = false;
  let failure: Error | undefined;
  const fail = (thrown: unknown) => {
    if (ended || failure !== undefined) return;
    failure = toError(thrown);
    duplex.abort(failure);
    news.wake();
  };
  const read = frameReader(maxBody, {
    announced(size) {
      if (held > 0 && held + size + PART > WINDOW)
        throw new MeshError(
          { code: "MESH_BAD_FRAME", detail: "window" },
          `the answer runs ahead: ${held + size} bytes not taken, ${WINDOW} allowed`,
        );
      held += size + PART;
    },
    message(part) {
      parts.push(part);
      news.wake();
    },
    signal(code) {
      if (code === Signal.end) {
        ended = true;
        news.wake();
      } else fail(refusal(code, peer, protocol, message));
    },
  });
  duplex.listen(
    (bytes) => {
      if (ended || failure !== undefined) return;
      try {
        read(bytes);
      } catch (thrown) {
        fail(thrown);
      }
    },
    (error) => fail(lost(peer, error)),
  );
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const own = new AbortController();
  try {
    if (signal.aborted) onAbort();
    else writeMessage(duplex, message, { signal: own.signal }).catch(fail);
    while (true) {
      // An abort wins over parts that wait; a lost peer does not.
      if (signal.aborted) throw signal.reason;
      const part = parts.shift();
      if (part !== undefined) {
        held -= part.head.byteLength + part.body.byteLength + PART;
        duplex.poke(signalFrame(Signal.next));
        yield part;
      } else if (failure !== undefined) throw failure;
      else if (ended) return;
      else await news.wait();
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    own.abort();
    if (ended) void duplex.close();
    else fail(new MeshError({ code: "MESH_CLOSED" }, "the asker left"));
  }
}

function refusal(code: number, peer: PeerId, protocol: Name, message: Message): MeshError {
  const size = message.body.byteLength;
  if (code === Signal.tooLarge)
    return new MeshError(
      { code: "MESH_TOO_LARGE", what: "body", size, limit: 0 },
      `${peer} refused a request body of ${size} bytes as too large`,
    );
  if (code === Signal.busy)
    return new MeshError(
      { code: "MESH_BUSY", peer },
      `${peer} serves as many requests of ours as it wants`,
    );
  if (code === Signal.failed)
    return new MeshError(
      { code: "MESH_REFUSED", peer, protocol },
      `${peer} could not answer ${protocol}`,
    );
  return new MeshError(
    { code: "MESH_BAD_FRAME", detail: `signal ${code}` },
    `${peer} sent an unknown signal: ${code}`,
  );
}

function lost(peer: PeerId, cause?: Error): MeshError {
  return new MeshError(
    { code: "MESH_PEER_LOST", peer },
    `${peer} was lost during a request`,
    cause === undefined ? {} : { cause },
  );
}

/** Answers streams of one protocol, at most `maxPerPeer` of a peer at a time; more are refused at once. */
export function answerer(
  handler: Handler,
  {
    signal,
    maxBody = Bytes.of(65_536),
    maxPerPeer = 8,
    timeout = Millis.of(60_000),
    clock,
  }: ServeOptions & Waits & { readonly clock: Clock },
): (peer: PeerId, duplex: Duplex) => void {
  const most = Math.min(maxPerPeer, 32);
  const busy = new Map<PeerId, number>();
  return (peer, duplex) => {
    const count = busy.get(peer) ?? 0;
    if (count >= most) {
      duplex.listen(
        () => {},
        () => {},
      );
      duplex.poke(signalFrame(Signal.busy));
      duplex.abort(
        new MeshError({ code: "MESH_BUSY", peer }, `${peer} has ${count} requests here`),
      );
      return;
    }
    busy.set(peer, count + 1);
    void answer(duplex, handler, { peer, maxBody, timeout, clock, signal }).then((finish) => {
      const left = (busy.get(peer) ?? 1) - 1;
      if (left === 0) busy.delete(peer);
      else busy.set(peer, left);
      // After the place is free: the asker may ask again as soon as it knows.
      return finish();
    });
  };
}

export interface AnswerOptions extends Waits {
  readonly peer: PeerId;
  /** Largest request body, in bytes. */
  readonly maxBody: number;
  /** Milliseconds after which the request is aborted. */
  readonly timeout: number;
  readonly clock: Clock;
}

/**
 * Reads one request, runs the handler and sends what it yields. Resolves, never rejects, when the handler has let go, with
 * what then tells the asker that the answer is complete.
 */
export async function answer(
  duplex: Duplex,
  handler: Handler,
  { peer, maxBody, timeout, clock, signal }: AnswerOptions,
): Promise<() => Promise<void>> {
  const gone = new AbortController();
  const news = bell();
  const requests: Message[] = [];
  let done = false;
  /** Sizes of the parts that were sent and not taken, oldest first. */
  const under: number[] = [];
  const stop = (thrown: unknown, code?: number) => {
    if (done || gone.signal.aborted) return;
    const error = toError(thrown);
    if (code !== undefined) duplex.poke(signalFrame(code));
    duplex.abort(error);
    gone.abort(error);
    news.wake();
  };
  const read = frameReader(maxBody, {
    announced() {
      if (requests.length > 0)
        throw new MeshError(
          { code: "MESH_BAD_FRAME", detail: "second request" },
          `${peer} sent two requests on one stream`,
        );
    },
    message(message) {
      requests.push(message);
      news.wake();
    },
    signal(code) {
      if (code !== Signal.next || under.shift() === undefined)
        throw new MeshError(
          { code: "MESH_BAD_FRAME", detail: `signal ${code}` },
          `${peer} sent signal ${code} out of turn`,
        );
      news.wake();
    },
  });
  duplex.listen(
    (bytes) => {
      if (done || gone.signal.aborted) return;
      try {
        read(bytes);
      } catch (thrown) {
        const large = thrown instanceof MeshError && thrown.reason.code === "MESH_TOO_LARGE";
        stop(thrown, large ? Signal.tooLarge : Signal.failed);
      }
    },
    (error) => stop(lost(peer, error)),
  );
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = new AbortController();
  clock.sleep(timeout, { signal: timer.signal }).then(
    () =>
      stop(
        new MeshError(
          { code: "MESH_TIMEOUT", ms: timeout },
          `a request of ${peer} took over ${timeout} ms`,
        ),
        Signal.failed,
      ),
    () => {},
  );
  let parts: AsyncIterator<Message> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  try {
    while (requests.length === 0 && !gone.signal.aborted) await news.wait();
    gone.signal.throwIfAborted();
    const request = requests[0] as Message;
    const left = new Promise<never>((_, reject) => {
      gone.signal.addEventListener("abort", () => reject(gone.signal.reason), { once: true });
    });
    left.catch(() => {});
    parts = handler(request, { peer, signal: gone.signal })[Symbol.asyncIterator]();
    while (true) {
      const pulled = parts.next();
      running = pulled.catch(() => {});
      const { done: last, value: part } = await Promise.race([pulled, left]);
      if (last === true) break;
      checkSize("head", part.head.byteLength, MAX_HEAD);
      const size = part.head.byteLength + part.body.byteLength + PART;
      while (under.length > 0 && under.reduce((sum, one) => sum + one, size) > WINDOW) {
        await Promise.race([news.wait(), left]);
      }
      under.push(size);
      await writeMessage(duplex, part, { signal: gone.signal });
    }
    gone.signal.throwIfAborted();
    done = true;
    return async () => {
      duplex.poke(signalFrame(Signal.end));
      await duplex.close();
    };
  } catch (thrown) {
    stop(thrown, Signal.failed);
    return async () => {};
  } finally {
    done = true;
    timer.abort();
    signal.removeEventListener("abort", onAbort);
    // A handler that is still busy keeps its place in the peer's count until it lets go.
    await running;
    await parts?.return?.().catch(() => {});
  }
}
