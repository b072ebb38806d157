/** A signal that follows others until it is let go of. */
export interface Leash {
  readonly signal: AbortSignal;
  /** Follows them no longer; what still listens can be collected. May be called twice. */
  release(): void;
}

/**
 * For calls into libp2p, in place of `AbortSignal.any`: p-event leaves its listener on the signal of a finished call, and a
 * browser keeps a combined signal that is listened to for as long as its sources may fire. That held every stream of a
 * tab, and all the bytes its reader had in hand, for the tab's whole life (found by heap snapshots, November 2026).
 */
export function leash(...signals: readonly AbortSignal[]): Leash {
  const own = new AbortController();
  const over = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) own.abort(signal.reason);
    signal.addEventListener("abort", () => own.abort(signal.reason), { signal: over.signal });
  }
  return { signal: own.signal, release: () => over.abort() };
}
