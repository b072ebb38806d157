import { MAX_REVEAL_CHECKS, PROTOCOLS, type Signer, sealReveal } from "@tabcast/protocol";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";
import type { Checks } from "./checks.ts";

/** Shows every worker the seed, and which of its segments it chose: now nobody can use it any more. Never throws. */
export async function reveal(
  { mesh, clock, signal }: Context,
  { seed, drawn }: Checks,
  keys: Signer,
): Promise<void> {
  const told = [...drawn()].map(async ([worker, all]) => {
    for (let from = 0; from < all.length; from += MAX_REVEAL_CHECKS) {
      const page = all.slice(from, from + MAX_REVEAL_CHECKS);
      const head = await sealReveal(keys, { stream: keys.publicKey, seed, worker, checks: page });
      const wait = AbortSignal.any([signal, clock.timeout(2_000)]);
      await ask(mesh, worker, PROTOCOLS.reveal, head, { signal: wait });
    }
  });
  await Promise.allSettled(told); // a worker that left can ask nobody, and knows it
}
