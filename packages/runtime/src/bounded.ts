/**
 * A map of at most `most` entries: what is set becomes the newest, and the entry that was set longest ago makes room. Reading
 * changes nothing.
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly most: number;
  readonly #dropped: ((key: Key, value: Value) => void) | undefined;

  /** `most`: 1 or more; else a RangeError. `dropped` is told what made room, and not what was deleted or replaced. */
  constructor(most: number, dropped?: (key: Key, value: Value) => void) {
    if (!(most >= 1)) throw new RangeError(`a bounded map holds 1 entry or more, got ${most}`);
    super();
    this.most = most;
    this.#dropped = dropped;
  }

  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    if (this.size <= this.most) return this;
    for (const [oldest, old] of this) {
      this.delete(oldest);
      this.#dropped?.(oldest, old);
      break;
    }
    return this;
  }
}
