import { intercept } from "./under-way.ts";

/** How a way to a chain ends. */
export interface End {
  /** Requests that are answered before. */
  readonly answers: number;
  /** The next one is carried out, and its answer lost. */
  readonly lost: boolean;
}

/** A way to a chain, which is there, or not, as the test says; in this process, as it is gone most of the time. */
export interface Way {
  readonly rpc: string;
  /** It is there. */
  mend(): void;
  /** It is gone. */
  cut(): void;
  /** It goes a little later. */
  fray(end: End): void;
  /** The next `count` requests go lost. */
  stumble(count: number): void;
  close(): void;
}

let ways = 0;

/** A way to the chain whose server is at `target`. */
export function openWay(target: string): Way {
  const rpc = `http://way-${++ways}.invalid/`;
  const whole: End = { answers: Number.POSITIVE_INFINITY, lost: false };
  let end = whole;
  let stumbles = 0;

  async function carry(init: RequestInit | undefined): Promise<Response> {
    if (stumbles-- > 0) throw new TypeError("fetch failed");
    const { answers, lost } = end;
    end = { answers: answers - 1, lost };
    if (answers > 0) return fetch(target, init);
    if (answers === 0 && lost) await fetch(target, init);
    throw new TypeError("fetch failed");
  }

  const close = intercept((asked, init) => (asked === rpc ? carry(init) : undefined));
  const set = (next: End, count = 0) => {
    end = next;
    stumbles = count;
  };
  return {
    rpc,
    mend: () => set(whole),
    cut: () => set({ answers: 0, lost: false }),
    fray: set,
    stumble: (count) => set(whole, count),
    close,
  };
}
