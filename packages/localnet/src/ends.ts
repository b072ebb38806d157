/** Parts that have started, to be ended in turn. */
export interface Ends {
  add(...ends: readonly (() => Promise<unknown>)[]): void;
  /** Ends everything, last started first: pages say goodbye while the relay still stands. May be called twice. */
  close(): Promise<void>;
}

/** Nothing has started yet. */
export function openEnds(): Ends {
  const all: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | undefined;
  return {
    add: (...ends) => void all.push(...ends),
    close() {
      closing ??= (async () => {
        for (const end of all.reverse()) await end().catch(() => {});
      })();
      return closing;
    },
  };
}

/** Awaits parts that start side by side. If one of them fails, the others are closed, and its error is thrown. */
export async function together<Parts extends readonly { close(): Promise<unknown> }[]>(
  opening: {
    readonly [At in keyof Parts]: Promise<Parts[At]>;
  },
): Promise<Parts> {
  try {
    return (await Promise.all(opening)) as unknown as Parts;
  } catch (error) {
    for (const part of await Promise.allSettled(opening))
      if (part.status === "fulfilled") await (part.value as Parts[number]).close();
    throw error;
  }
}
