import { type CrewKeys, crewKeys, parseKey } from "@tabcast/protocol";
import { CodedError, equalBytes, fromHex } from "@tabcast/runtime";
import { type CrewLink, MOST_CREW_LINKS } from "../crew-link.ts";

/** A crew link names no stream, or there are too many of them. Do: copy the whole link again; leave out those of streams that are over. */
export class CrewLinkError extends CodedError<{ code: "WORKER_CREW_LINK" }> {}

/** The private streams that a worker may work for, by their ids in hexadecimal. */
export interface PrivateCrews {
  /**
   * Joins a stream's crew; where it was joined with another key, that one is left first. Throws PROTOCOL_KEY or WORKER_CREW_LINK for a
   * link that is not whole, or a seventeenth.
   */
  join(link: CrewLink): void;
  /** Forgets a stream's link, so that there is room for another; nothing where there is none. */
  leave(stream: string): void;
  has(stream: string): boolean;
  /** Whether it has these keys now: of a link that was left, or replaced, it has not. */
  holds(stream: string, keys: CrewKeys): boolean;
  /** Resolves with them; undefined for a stream whose link is not here. */
  ready(stream: string): Promise<CrewKeys | undefined>;
  /** Calls `on` for each stream that is or will be joined, each time that it is. `left` fires when it is left. */
  each(on: (stream: string, left: AbortSignal) => void): void;
}

/** A link that was joined. */
interface Coming {
  readonly key: string;
  readonly keys: Promise<CrewKeys>;
  readonly left: AbortController;
}

/** Told the token of each crew, once it is derived, and when it is ours no more: it was left, or its link was another. */
export interface Tokens {
  joined(token: Uint8Array): void;
  left(token: Uint8Array): void;
}

export function openPrivateCrews({ joined, left: leftCrew }: Tokens): PrivateCrews {
  const tokens = new Map<string, Uint8Array>();
  const coming = new Map<string, Coming>();
  const listeners: Parameters<PrivateCrews["each"]>[0][] = [];

  function leave(stream: string): void {
    const token = tokens.get(stream);
    if (token !== undefined) leftCrew(token);
    tokens.delete(stream);
    const one = coming.get(stream);
    coming.delete(stream);
    one?.left.abort();
  }

  function derive(stream: string, key: string): Coming {
    const keys = crewKeys(fromHex(stream), parseKey(key));
    const one = { key, keys, left: new AbortController() };
    keys.then(
      (found) => {
        // Another link, or a goodbye, may have come meanwhile.
        if (coming.get(stream) !== one) return;
        tokens.set(stream, found.token);
        joined(found.token);
      },
      () => {}, // whoever waits for them hears of it
    );
    return one;
  }

  return {
    join({ stream, key }) {
      if (!/^[0-9a-f]{64}$/.test(stream))
        throw new CrewLinkError(
          { code: "WORKER_CREW_LINK" },
          `a crew link names its stream by 64 hexadecimal digits, this one has ${stream.length} characters or others`,
        );
      const before = coming.get(stream);
      if (before?.key === key) return;
      if (before === undefined && coming.size >= MOST_CREW_LINKS)
        throw new CrewLinkError(
          { code: "WORKER_CREW_LINK" },
          `a worker takes at most ${MOST_CREW_LINKS} crew links`,
        );
      const one = derive(stream, key);
      leave(stream);
      coming.set(stream, one);
      for (const on of listeners) on(stream, one.left.signal);
    },
    leave,
    has: (stream) => coming.has(stream),
    holds(stream, { token }) {
      const own = tokens.get(stream);
      return own !== undefined && equalBytes(own, token);
    },
    ready: async (stream) => coming.get(stream)?.keys,
    each(on) {
      listeners.push(on);
      for (const [stream, { left }] of coming) on(stream, left.signal);
    },
  };
}
