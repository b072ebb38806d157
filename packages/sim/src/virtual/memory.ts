/** What a run's memories hold at most: read from outside, so that production code need not know that it is watched. */
import { BoundedMap } from "@tabcast/runtime";
import type { Peak } from "../stage.ts";

/** The fullest memory of each kind so far. */
export interface Memory {
  /** One memory of the kind `name` holds `value` now, of at most `bound`. */
  note(name: string, value: number, bound: number): void;
  /** The same for all memories of one kind and bound, to be told of often. */
  kind(name: string, bound: number): { peak: number; readonly bound: number };
  /** By name, in the order of the alphabet. */
  peaks(): Readonly<Record<string, Peak>>;
}

export function openMemory(): Memory {
  const kinds = new Map<string, { peak: number; readonly bound: number }>();
  const kind = (name: string, bound: number) => {
    const known = kinds.get(name) ?? { peak: 0, bound };
    kinds.set(name, known);
    return known;
  };
  return {
    kind,
    note(name, value, bound) {
      const known = kind(name, bound);
      known.peak = Math.max(known.peak, value);
    },
    peaks: () =>
      Object.fromEntries(
        [...kinds]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, peak]) => [name, { ...peak }]),
      ),
  };
}

/**
 * Tells `memory` of every `BoundedMap` that is filled until the returned function is called, under the name of the file that fills it.
 * One run at a time in a process.
 */
export function observeMaps(memory: Memory): () => void {
  const { set } = BoundedMap.prototype;
  const kinds = new WeakMap<object, { peak: number }>();
  BoundedMap.prototype.set = function <Key, Value>(
    this: BoundedMap<Key, Value>,
    key: Key,
    value: Value,
  ) {
    set.call(this, key, value);
    let kind = kinds.get(this);
    if (kind === undefined) {
      kind = memory.kind(`${filler()}, entries of ${this.most}`, this.most);
      kinds.set(this, kind);
    }
    if (this.size > kind.peak) kind.peak = this.size;
    return this;
  };
  return () => {
    BoundedMap.prototype.set = set;
  };
}

/** The file of our packages that called `set`, such as "market/crew.ts". */
function filler(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 5;
  const { stack = "" } = new Error("who fills it");
  Error.stackTraceLimit = stackTraceLimit;
  const files = [...stack.matchAll(/packages\/(\w+)\/src\/([\w/-]+\.ts)/g)];
  const [, name = "?", file = ""] =
    files.find(([path]) => !/runtime\/src|virtual\/memory\.ts/.test(path)) ?? [];
  return `${name}/${file}`;
}
