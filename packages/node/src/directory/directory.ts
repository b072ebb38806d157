/**
 * What is on the air, as a relay knows it. Its one job: that nobody decides what others see of it. Whoever announces is heard in turn with all
 * others, however much it announces, and nothing that is announced anew in its time makes room for something new. It verifies nothing:
 * what it takes has been opened.
 */
import { ANNOUNCE_TTL_MS, type Announce, LIMITS, MAX_LIVE } from "@tabcast/protocol";
import { BoundedMap, type Millis, toHex } from "@tabcast/runtime";

/** Streams that are listed: 3 MB of usual announcements, 36 MB of the largest. */
const MOST_STREAMS = 4_096;
/** Streams of one broadcaster. */
const MOST_OF_BROADCASTER = 4;
/** Whoever fell silent is looked for so often, in milliseconds. */
const EXPIRE_EVERY = 1_000;
/** The list is put in order so often, in milliseconds, however many read it: of 4,096 streams that takes 0.6 ms. */
const ORDER_EVERY = 1_000;
/** Streams that ended, or are not listed any more, of which the last word is remembered. */
const MOST_OVER = 8_192;

/** An announcement that was opened. */
export interface Heard {
  readonly announce: Announce;
  /** The envelope that it came in, to pass on byte for byte. */
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** Who brought it: what comes from one address is of one voice. */
  readonly group: string;
}

interface Listed extends Heard {
  readonly stream: string;
  readonly since: number;
  readonly at: Millis;
}

export interface PageOfLive {
  readonly announces: readonly Uint8Array<ArrayBuffer>[];
  readonly total: number;
}

export class Directory {
  readonly #most: number;
  readonly #listed = new Map<string, Listed>();
  readonly #over = new BoundedMap<string, number>(MOST_OVER);
  /** The listed streams of each group and of each broadcaster, the longest listed first. */
  readonly #groups = new Map<string, Set<string>>();
  readonly #broadcasters = new Map<string, Set<string>>();
  #count = 0;
  /** Streams in the order of the pages, as of then; some of them may be off the air since. */
  #order: { readonly streams: readonly string[]; readonly at: number } | undefined;
  #expiredAt = Number.NEGATIVE_INFINITY;

  constructor(most = MOST_STREAMS) {
    this.#most = most;
  }

  /** Streams that are listed now. */
  get size(): number {
    return this.#listed.size;
  }

  /** Lists a stream, or takes it off at its end. False: it is no news, or there is no room for it. */
  take(heard: Heard, now: Millis): boolean {
    const { announce, sealed } = heard;
    if (announce.unlisted) return false; // as its stream says
    if (sealed.byteLength > LIMITS.Envelope) return false; // no page could hold it
    const stream = toHex(announce.stream);
    const before = this.#listed.get(stream);
    const last = before?.announce.atMs ?? this.#over.get(stream) ?? Number.NEGATIVE_INFINITY;
    if (announce.atMs <= last) return false;
    if (announce.ended) {
      this.#drop(stream);
      // Whoever records its announcements cannot bring it back.
      this.#over.set(stream, announce.atMs);
      return true;
    }
    if (before === undefined && !this.#admits(heard, now)) return false;
    const { since, group } = before ?? { since: this.#count++, group: heard.group };
    // A broadcaster that came back under another peer id.
    if (before !== undefined && before.announce.broadcaster !== announce.broadcaster)
      this.#drop(stream);
    this.#listed.set(stream, { ...heard, stream, group, since, at: now });
    add(this.#groups, group, stream);
    add(this.#broadcasters, announce.broadcaster, stream);
    return true;
  }

  /** Those that are asked for first, then one of each group in turn, as they were listed a second ago at most; as many as fit. */
  page(
    { streams, from, most }: { streams: readonly Uint8Array[]; from: number; most: number },
    now: Millis,
  ): PageOfLive {
    this.#expire(now);
    const named = new Set(streams.map(toHex));
    const first = [...named].flatMap((stream) => this.#listed.get(stream) ?? []);
    const rest = this.#inOrder(now).flatMap((stream) =>
      named.has(stream) ? [] : (this.#listed.get(stream) ?? []),
    );
    const announces: Uint8Array<ArrayBuffer>[] = [];
    let room = LIMITS.LiveReply - 64;
    for (const { sealed } of [...first, ...rest.slice(from, from + most)]) {
      room -= sealed.byteLength + 8; // the field's tag and length
      if (announces.length >= Math.min(most, MAX_LIVE) || room < 0) break;
      announces.push(sealed);
    }
    return { announces, total: this.#listed.size };
  }

  #inOrder(now: Millis): readonly string[] {
    if (this.#order === undefined || now - this.#order.at >= ORDER_EVERY)
      this.#order = {
        streams: inTurn([...this.#listed.values()]).map(({ stream }) => stream),
        at: now,
      };
    return this.#order.streams;
  }

  /** Whether there is room for a stream that is not listed; where all is full, the largest group makes room for a smaller one. */
  #admits({ announce, group }: Heard, now: Millis): boolean {
    this.#expire(now);
    const own = this.#broadcasters.get(announce.broadcaster)?.size ?? 0;
    if (own >= MOST_OF_BROADCASTER) return false;
    if (this.#listed.size < this.#most) return true;
    let largest: ReadonlySet<string> = new Set();
    for (const of of this.#groups.values()) if (of.size > largest.size) largest = of;
    if (largest.size <= (this.#groups.get(group)?.size ?? 0) + 1) return false;
    this.#drop([...largest].at(-1) as string);
    return true;
  }

  #expire(now: Millis): void {
    if (now - this.#expiredAt < EXPIRE_EVERY) return;
    this.#expiredAt = now;
    for (const [stream, { at, announce }] of this.#listed) {
      if (now - at <= ANNOUNCE_TTL_MS) continue;
      this.#drop(stream);
      this.#over.set(stream, announce.atMs);
    }
  }

  #drop(stream: string): void {
    const listed = this.#listed.get(stream);
    if (listed === undefined) return;
    this.#listed.delete(stream);
    remove(this.#groups, listed.group, stream);
    remove(this.#broadcasters, listed.announce.broadcaster, stream);
  }
}

function add(sets: Map<string, Set<string>>, of: string, stream: string): void {
  const set = sets.get(of) ?? new Set();
  sets.set(of, set.add(stream));
}

function remove(sets: Map<string, Set<string>>, of: string, stream: string): void {
  const set = sets.get(of);
  set?.delete(stream);
  if (set?.size === 0) sets.delete(of);
}

/** One of each group at a time, the groups by how long they have been here. */
function inTurn(all: readonly Listed[]): readonly Listed[] {
  const order = [...all].sort((a, b) => a.since - b.since);
  const turns = [...Map.groupBy(order, ({ group }) => group).values()];
  const longest = Math.max(0, ...turns.map((of) => of.length));
  return Array.from({ length: longest }, (_, turn) => turns.flatMap((of) => of[turn] ?? [])).flat();
}
