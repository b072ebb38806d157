/** Whoever wants to hear of something, each until its own signal fires. */
export class Listeners<News> {
  readonly #all = new Set<(news: News) => void>();

  /** Tells everybody. */
  tell(news: News): void {
    for (const listener of this.#all) listener(news);
  }

  /** Tells `listener` from now on, until `signal` fires. */
  add(listener: (news: News) => void, { signal }: { readonly signal: AbortSignal }): void {
    this.#all.add(listener);
    signal.addEventListener("abort", () => this.#all.delete(listener), { once: true });
  }

  /** Tells nobody any more. */
  clear(): void {
    this.#all.clear();
  }
}
