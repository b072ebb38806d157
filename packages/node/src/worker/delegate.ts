/**
 * Gives this worker's highest vouchers to peers that keep them, and keeps those of others: a tab that is closed or crashes loses
 * no money where a broadcaster closes its pot without paying. Knows no chain; what a voucher is worth is the watchtower's to check.
 */
import { type Hex, type Purse, type Watchtower, Wire } from "@tabcast/channel";
import { MeshError, type PeerId } from "@tabcast/mesh";
import { Delegate, DelegateReply, type Pot, PROTOCOLS } from "@tabcast/protocol";
import { BoundedMap, describe, fromHex } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { answer, ask } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";

/** A voucher that rose is given away at most this often, in milliseconds. */
const EVERY_MS = 30_000;
/** How long a peer may take to answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** Peers asked for one voucher, at most, each time. */
const MOST_ASKED = 3;
/** Peers of whom it is remembered whether they keep vouchers. */
const MOST_REMEMBERED = 256;
/** Times running that a voucher is given away because it rose while it was. */
const MOST_ROUNDS = 3;
/** Pots whose vouchers wait to be given away; the oldest makes room. */
const MOST_POTS = 32;

export interface Delegation {
  /** The voucher of a pot rose. `payer` is not asked to keep it. */
  rose(potId: Hex, pot: Pot, payer: PeerId): void;
  /**
   * Gives away now what has risen since, and what rises meanwhile; resolves when all is answered or `limit` fires, and never
   * rejects.
   */
  now(limit?: AbortSignal): Promise<void>;
}

export function openDelegation(
  { mesh, clock, signal }: Context,
  { purse }: { readonly purse: Purse },
): Delegation {
  const risen = new BoundedMap<Hex, { readonly pot: Pot; readonly payer: PeerId }>(MOST_POTS);
  /** Who kept something before (true), and who answers no such question (false). */
  const keeps = new BoundedMap<PeerId, boolean>(MOST_REMEMBERED);

  /** Resolves with true if somebody keeps it, but it rose meanwhile. */
  async function give(
    potId: Hex,
    { pot, payer }: { pot: Pot; payer: PeerId },
    until: AbortSignal,
  ): Promise<boolean> {
    const highest = purse.highest(potId);
    if (highest === undefined) return false;
    const head = Delegate.encode({
      pot,
      payee: fromHex(purse.payee),
      voucher: Wire.fromVoucher(highest),
    });
    const asked = mesh
      .neighbours()
      .map(({ peer }) => peer)
      .filter((peer) => peer !== payer && keeps.get(peer) !== false)
      .toSorted((a, b) => Number(keeps.get(b) ?? false) - Number(keeps.get(a) ?? false));
    for (const peer of asked.slice(0, MOST_ASKED)) {
      const limits = AbortSignal.any([until, clock.timeout(ANSWER_MS)]);
      try {
        const reply = await ask(mesh, peer, PROTOCOLS.delegate, head, { signal: limits });
        if (!DelegateReply.decode(reply.head).ok) continue;
        keeps.set(peer, true);
      } catch (error) {
        if (error instanceof MeshError && error.code === "MESH_REFUSED") keeps.set(peer, false);
        if (until.aborted) return false;
        continue;
      }
      if (purse.highest(potId)?.cumulative !== highest.cumulative) return true;
      risen.delete(potId);
      return false;
    }
    return false;
  }

  const now = async (limit: AbortSignal = signal) => {
    const until = AbortSignal.any([signal, limit]);
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const again = await Promise.all([...risen].map(([potId, one]) => give(potId, one, until)));
      if (!again.includes(true)) return;
    }
  };
  const watch = async () => {
    for (;;) {
      await clock.sleep(EVERY_MS, { signal });
      await now();
    }
  };
  watch().catch(() => {}); // ends by the signal

  return {
    rose(potId, pot, payer) {
      risen.set(potId, { pot, payer });
    },
    now,
  };
}

/** Keeps what others delegate, until `signal` fires. */
export function serveWatchtower(
  { mesh, clock, signal }: Context,
  { watchtower, limiter }: { readonly watchtower: Watchtower; readonly limiter: RateLimiter },
): void {
  answer(mesh, PROTOCOLS.delegate, signal, async (head, peer) => {
    limiter.pass("delegate", peer);
    try {
      const { pot, payee, voucher } = Delegate.decode(head);
      const { domain, config } = Wire.toPot(pot);
      const signed = Wire.toVoucher(voucher, Wire.toAddress(payee));
      const limits = AbortSignal.any([signal, clock.timeout(ANSWER_MS)]);
      await watchtower.accept(domain, config, signed, { signal: limits });
      return DelegateReply.encode({ ok: true, why: "" });
    } catch (error) {
      limiter.refused("delegate", peer, error);
      return DelegateReply.encode({ ok: false, why: describe(error).slice(0, 200) });
    }
  });
}
