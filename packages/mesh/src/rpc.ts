/*
 * One stream per request.
 *
 *   asker     request [part, part, … end] ------------> next, next, …
 *   answerer                              part, part, … end, or a refusal and a reset
 *
 * WebRTC has no back-pressure from reader to writer, so either side says `next` for each part it took, and whoever sends
 * parts keeps at most WINDOW bytes (or one part, if that is larger) that were not taken.
 */
import { Bytes, type Clock, Millis, toError } from "@tabcast/runtime";
import type { Budget } from "./budget.ts";
import { MeshError } from "./error.ts";
import { checkSize, frameReader, MAX_HEAD, messagePrefix, Signal, signalFrame } from "./frame.ts";
import { noProgress, type Progress, SPAN_MS, watchIdle } from "./idle.ts";
import { leash } from "./leash.ts";
import type {
  Admit,
  Due,
  Handler,
  Message,
  Name,
  PeerId,
  Rank,
  Refused,
  ServeOptions,
  Waits,
} from "./mesh.ts";
import type { Turns } from "./turns.ts";

/** Bytes in parts that may be under way and not taken by the other side. */
export const WINDOW = 4 * 1024 * 1024;
/** Bytes written at once: a message on a data channel, less what libp2p puts around it. Measured: facts on the mesh, part 10. */
export const CHUNK = 64 * 1024 - 16;
/** What a part costs of the window besides its bytes, so that a million empty parts are not free. */
const PART = 1024;

/** A reliable, ordered stream of bytes in both directions, whatever carries it. */
export interface Duplex {
  /** Set once, before the first await: what arrives earlier may be lost. `onEnd` is called once. */
  listen(onBytes: (bytes: Uint8Array) => void, onEnd: (error?: Error) => void): void;
  /** Sends in order and resolves when more may follow. The bytes must stay untouched until `close` resolves. */
  write(bytes: Uint8Array, options: Waits): Promise<void>;
  /** Resolves when all that was written has left this side, or the stream is gone. Rejects with the signal's reason. */
  left(options: Waits): Promise<void>;
  /** Sends a few bytes at once. Says nothing if the stream is gone. */
  poke(bytes: Uint8Array): void;
  /** Flushes, then ends our side. Never rejects. */
  close(): Promise<void>;
  /** Ends both sides at once; what was not sent is dropped. */
  abort(error: Error): void;
}

/** Writes one side's frames: both sides speak at any time, and a signal must not fall into the middle of a message. */
interface Pen {
  message(message: Message, options: Waits): Promise<void>;
  /** Sent at once, or after the message in hand. */
  signal(signal: number): void;
}

/** For whom one side's bodies are sent, and in which turn. */
interface Sender {
  readonly peer: PeerId;
  readonly turns: Turns;
  readonly rank: () => Rank;
}

/** `progress`: what the other side does to take what it is sent; that it waits for its turn is not its fault. */
function penOf(duplex: Duplex, { peer, turns, rank }: Sender, progress = noProgress()): Pen {
  let busy = false;
  const waiting: number[] = [];
  /** Writes a body, each chunk in its turn. The next one waits in line before the one before has left, so that nobody slips in between. */
  async function write(body: Uint8Array, options: Waits): Promise<void> {
    const chunkAt = (at: number) => body.subarray(at, at + CHUNK);
    const take = (at: number) => {
      const size = chunkAt(at).byteLength;
      const turn = size > 0 ? turns.take({ peer, rank: rank(), size }, options) : undefined;
      turn?.catch(() => {}); // told below, where it is waited for
      return turn;
    };
    let turn = take(0);
    try {
      for (let at = 0; turn !== undefined; at += CHUNK) {
        rest(progress);
        const leave = await turn;
        turn = undefined;
        progress.waiting = true;
        try {
          await duplex.write(chunkAt(at), options);
          turn = take(at + CHUNK);
          // Others' bytes must not pile up before an own job; its own may.
          if (rank() !== "own") await duplex.left(options);
          progress.bytes += chunkAt(at).byteLength;
        } finally {
          leave();
        }
      }
    } finally {
      turn?.then((leave) => leave()).catch(() => {}); // it is not needed any more
    }
  }
  return {
    async message(message, options) {
      busy = true;
      await duplex.write(messagePrefix(message), options);
      await write(message.body, options);
      busy = false;
      for (const signal of waiting.splice(0)) duplex.poke(signalFrame(signal));
    },
    signal(signal) {
      if (busy) waiting.push(signal);
      else duplex.poke(signalFrame(signal));
    },
  };
}

/** Waits that can be woken: `wait` resolves at the next `wake`, at once if one came since the last wait. */
function condition() {
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

/** A promise that only ever rejects, once `signal` fires, with its reason. */
function aborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  promise.catch(() => {});
  return promise;
}

/** Nothing more is waited for. */
function rest(progress: Progress): void {
  progress.waiting = false;
  progress.rests++;
}

const sizeOf = ({ head, body }: Message) => head.byteLength + body.byteLength + PART;

/** Sends one side's parts, as far as the window allows. `progress`: what the other side does for that. */
function outbox(pen: Pen, { signal }: Waits, progress = noProgress()) {
  const news = condition();
  const left = aborted(signal);
  /** Sizes of the parts that were sent and not taken, oldest first. */
  const under: number[] = [];
  let resting: Promise<unknown> = Promise.resolve();
  return {
    /** The other side took a part; false if it had none to take. */
    taken(): boolean {
      const size = under.shift();
      progress.bytes += size ?? 0;
      news.wake();
      return size !== undefined;
    },
    /** Sends what `parts` yields until it ends. Rejects with what it throws, or with the signal's reason once that fires. */
    async send(parts: AsyncIterable<Message>) {
      const iterator = parts[Symbol.asyncIterator]();
      let pulled: ReturnType<typeof iterator.next> | undefined;
      try {
        while (true) {
          pulled = iterator.next();
          const { done, value: part } = await Promise.race([pulled, left]);
          if (done === true) return;
          checkSize("head", part.head.byteLength, MAX_HEAD);
          const size = sizeOf(part);
          progress.waiting = true;
          while (under.length > 0 && under.reduce((sum, one) => sum + one, size) > WINDOW)
            await Promise.race([news.wait(), left]);
          under.push(size);
          await pen.message(part, { signal });
          rest(progress);
        }
      } finally {
        // One that is still busy is not waited for here.
        resting = Promise.allSettled([pulled, iterator.return?.()]);
      }
    },
    /** Resolves when whoever made the parts has let go of them. */
    rest: () => resting,
  };
}

/** Holds the parts of the other side that have come and were not taken. */
function inbox(pen: Pen) {
  const parts: Message[] = [];
  let held = 0;
  return {
    /** A part is on its way, `size` bytes of it. Throws MESH_BAD_FRAME if it was not yet its turn. */
    announced(size: number): void {
      if (held > 0 && held + size + PART > WINDOW)
        throw new MeshError(
          { code: "MESH_BAD_FRAME", detail: "window" },
          `the other side runs ahead: ${held + size} bytes not taken, ${WINDOW} allowed`,
        );
      held += size + PART;
    },
    put: (part: Message) => void parts.push(part),
    /** The oldest one, and leave to send more. */
    take(): Message | undefined {
      const part = parts.shift();
      if (part === undefined) return undefined;
      held -= sizeOf(part);
      pen.signal(Signal.next);
      return part;
    },
  };
}

export interface AskOptions extends Waits {
  readonly peer: PeerId;
  readonly protocol: Name;
  /** Largest body of one part, in bytes. */
  readonly maxBody: number;
  /** Parts that follow the request. */
  readonly following?: AsyncIterable<Message> | undefined;
  readonly turns: Turns;
  /** For whom what is asked with is sent. */
  readonly rank?: Rank | undefined;
  /** Called when bytes of the answer come, with how many. */
  readonly heard?: ((bytes: number) => void) | undefined;
}

/** Sends one request and yields the parts of its answer. Ends the stream whichever way the caller leaves. */
export async function* ask(
  duplex: Duplex,
  message: Message,
  { peer, protocol, maxBody, following, turns, rank = "own", heard, signal }: AskOptions,
): AsyncGenerator<Message, void, void> {
  const own = new AbortController();
  const pen = penOf(duplex, { peer, turns, rank: () => rank });
  const sent = outbox(pen, own);
  const got = inbox(pen);
  const news = condition();
  let ended = false;
  let failure: Error | undefined;
  const fail = (thrown: unknown) => {
    if (ended || failure !== undefined) return;
    failure = toError(thrown);
    duplex.abort(failure);
    news.wake();
  };
  const read = frameReader(() => maxBody, {
    announced: got.announced,
    message(part) {
      got.put(part);
      news.wake();
    },
    signal(code) {
      if (code === Signal.end) {
        ended = true;
        news.wake();
      } else if (code !== Signal.next || !sent.taken())
        fail(refusal(code, peer, protocol, message));
    },
  });
  duplex.listen(
    (bytes) => {
      if (ended || failure !== undefined) return;
      try {
        read(bytes);
        heard?.(bytes.byteLength);
      } catch (thrown) {
        fail(thrown);
      }
    },
    (error) => fail(lost(peer, error)),
  );
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const write = async () => {
    await pen.message(message, { signal: own.signal });
    if (following === undefined) return;
    await sent.send(following);
    pen.signal(Signal.end);
  };
  try {
    if (signal.aborted) onAbort();
    else write().catch(fail);
    while (true) {
      // An abort wins over parts that wait; a lost peer does not.
      if (signal.aborted) throw signal.reason;
      const part = got.take();
      if (part !== undefined) yield part;
      else if (failure !== undefined) throw failure;
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

const outOfTurn = (peer: PeerId, what: string) =>
  new MeshError({ code: "MESH_BAD_FRAME", detail: what }, `${peer} sent ${what} out of turn`);

const overtime = (peer: PeerId, ms: number, why = "took over") =>
  new MeshError({ code: "MESH_TIMEOUT", ms }, `a request of ${peer} ${why} ${ms} ms`);

/** What is due where nobody says: it is bounded as a stranger's is. */
const asStrangers: Admit = () => ({ rank: "stranger" });

/** What a mesh has for all that it serves. */
export interface Serving {
  readonly clock: Clock;
  readonly budget: Budget;
  readonly turns: Turns;
}

/** Answers streams of one protocol, at most `maxPerPeer` of a peer at a time; more are refused at once. */
export function answerer(
  handler: Handler,
  {
    signal,
    maxBody = Bytes.of(65_536),
    maxFollowing = Bytes.of(0),
    maxPerPeer = 8,
    timeout = Millis.of(60_000),
    admit = asStrangers,
    clock,
    budget,
    turns,
  }: ServeOptions & Waits & Serving,
): (peer: PeerId, duplex: Duplex) => void {
  const most = Math.min(maxPerPeer, 32);
  const busy = new Map<PeerId, number>();
  return (peer, duplex) => {
    const count = busy.get(peer) ?? 0;
    const dropped = new AbortController();
    const drop = () =>
      dropped.abort(new MeshError({ code: "MESH_BUSY", peer }, `${peer} was slow to ask`));
    const place = count < most ? budget.enter(peer, drop) : undefined;
    if (place === undefined) {
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
    const tied = leash(signal, dropped.signal);
    const serving = { admit, clock, budget, turns, signal: tied.signal, wasRead: place.read };
    const options = { peer, maxBody, maxFollowing, timeout, ...serving };
    void answer(duplex, handler, options).then((finish) => {
      tied.release();
      place.leave();
      const left = (busy.get(peer) ?? 1) - 1;
      if (left === 0) busy.delete(peer);
      else busy.set(peer, left);
      // After the place is free: the asker may ask again as soon as it knows.
      return finish();
    });
  };
}

/** The parts that follow a request, as they come, until they are complete. */
async function* partsOf(
  got: ReturnType<typeof inbox>,
  next: () => Promise<unknown>,
  complete: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<Message, void, void> {
  while (true) {
    signal.throwIfAborted();
    const part = got.take();
    if (part !== undefined) yield part;
    else if (complete()) return;
    else await next();
  }
}

export interface AnswerOptions extends Waits, Serving {
  readonly peer: PeerId;
  /** Largest request body, in bytes. */
  readonly maxBody: number;
  /** Most that may follow in parts, in bytes, with 1 KiB for each of them. */
  readonly maxFollowing: number;
  /** Milliseconds after which the request is aborted. */
  readonly timeout: number;
  readonly admit: Admit;
  /** Called when the request was read, or the head of one that is due and not a stranger's. */
  readonly wasRead?: () => void;
}

/** A request that was read: the whole of it, or its head where it is not due. */
type Read = { readonly request: Message; readonly due: Due } | Refused;

/** What an answerer reads of an asker: its request, then what follows it. Throws MESH_* where it breaks the rules, or is not due. */
function requestReader(
  pen: Pen,
  sent: ReturnType<typeof outbox>,
  { peer, maxBody, maxFollowing, admit, budget, wasRead = () => {} }: AnswerOptions,
) {
  const got = inbox(pen);
  const asked = condition();
  const came = condition();
  let announced = false;
  let due: Due | undefined;
  let found: Read | undefined;
  let release = () => {};
  /** What may still follow, in bytes. */
  let room = 0;
  let complete = false;
  const reader = frameReader(() => (announced ? room : maxBody), {
    announced(size) {
      if (!announced) {
        announced = true;
        return;
      }
      if (complete) throw outOfTurn(peer, "second request");
      checkSize("body", size + PART, room);
      room -= size + PART;
      got.announced(size);
    },
    head(head, size) {
      if (due !== undefined) return; // of a part that follows
      const verdict = admit(head, { peer, size });
      if ("refusal" in verdict) {
        found = verdict;
        throw verdict;
      }
      const following = Math.min(verdict.maxFollowing ?? maxFollowing, maxFollowing);
      const counted = verdict.maxFollowing === undefined ? Math.min(following, WINDOW) : following;
      const kept = budget.take(peer, verdict.rank, size + counted);
      if (kept === undefined) throw noRoom(peer, size + counted);
      release = kept;
      if (verdict.rank !== "stranger") wasRead();
      due = verdict;
      room = following;
      complete = following === 0;
    },
    message(message) {
      if (found === undefined && due !== undefined) {
        found = { request: message, due };
        wasRead();
        asked.wake();
      } else {
        got.put(message);
        came.wake();
      }
    },
    signal(code) {
      if (code === Signal.next && sent.taken()) return;
      if (code !== Signal.end || complete || found === undefined)
        throw outOfTurn(peer, `signal ${code}`);
      complete = true;
      came.wake();
    },
  });
  return {
    read(bytes: Uint8Array): void {
      if (found !== undefined && "refusal" in found) return; // not wanted, and not kept
      try {
        reader(bytes);
      } catch (thrown) {
        if (found === undefined || thrown !== found) throw thrown;
        asked.wake();
      }
    },
    asked,
    came,
    found: () => found,
    following: (left: Promise<never>, signal: AbortSignal) =>
      partsOf(
        got,
        () => Promise.race([came.wait(), left]),
        () => complete,
        signal,
      ),
    /** What it kept is let go of. */
    release: () => release(),
  };
}

const noRoom = (peer: PeerId, size: number) =>
  new MeshError({ code: "MESH_BUSY", peer }, `no room for ${size} bytes of a request of ${peer}`);

/** Which signal tells an asker what was thrown while its request was read. */
function signalOf(thrown: unknown): number {
  const code = thrown instanceof MeshError ? thrown.reason.code : undefined;
  if (code === "MESH_TOO_LARGE") return Signal.tooLarge;
  return code === "MESH_BUSY" ? Signal.busy : Signal.failed;
}

/**
 * Reads one request, runs the handler and sends what it yields. Resolves, never rejects, when the handler has let go, with
 * what then tells the asker that the answer is complete.
 */
export async function answer(
  duplex: Duplex,
  handler: Handler,
  options: AnswerOptions,
): Promise<() => Promise<void>> {
  const { peer, timeout, clock, turns, signal } = options;
  const gone = new AbortController();
  const left = aborted(gone.signal);
  const progress = noProgress();
  let rank: Rank = "stranger";
  const pen = penOf(duplex, { peer, turns, rank: () => rank }, progress);
  const sent = outbox(pen, gone, progress);
  const reader = requestReader(pen, sent, options);
  let done = false;
  const stop = (thrown: unknown, code?: number) => {
    if (done || gone.signal.aborted) return;
    const error = toError(thrown);
    if (code !== undefined) pen.signal(code);
    duplex.abort(error);
    gone.abort(error);
    reader.asked.wake();
  };
  duplex.listen(
    (bytes) => {
      if (done || gone.signal.aborted) return;
      if (reader.found() === undefined) progress.bytes += bytes.byteLength;
      try {
        reader.read(bytes);
      } catch (thrown) {
        stop(thrown, signalOf(thrown));
      }
    },
    (error) => stop(lost(peer, error)),
  );
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = new AbortController();
  clock.sleep(timeout, { signal: timer.signal }).then(
    () => stop(overtime(peer, timeout), Signal.failed),
    () => {},
  );
  const idle = () =>
    stop(overtime(peer, SPAN_MS, "was not brought on by its asker for"), Signal.failed);
  watchIdle(progress, { clock, signal: timer.signal, idle }).catch(() => {}); // it was answered
  try {
    while (reader.found() === undefined && !gone.signal.aborted) await reader.asked.wait();
    gone.signal.throwIfAborted();
    const found = reader.found() as Read;
    rest(progress);
    if ("refusal" in found) await pen.message(found.refusal, { signal: gone.signal });
    else {
      rank = found.due.rank;
      const following = reader.following(left, gone.signal);
      const asker = { peer, signal: gone.signal, following };
      await sent.send(handler(found.request, asker));
    }
    gone.signal.throwIfAborted();
    done = true;
    return async () => {
      pen.signal(Signal.end);
      await duplex.close();
    };
  } catch (thrown) {
    stop(thrown, Signal.failed);
    return async () => {};
  } finally {
    done = true;
    timer.abort();
    signal.removeEventListener("abort", onAbort);
    // A handler that is still busy keeps its place in the peer's count, and its bytes, until it lets go.
    await sent.rest();
    reader.release();
  }
}
