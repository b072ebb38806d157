import type { Wei } from "@tabcast/runtime";
import type { Reservation, Waits } from "../chain/chain.ts";
import type { Lane } from "../types.ts";
import type { PotParts } from "./parts.ts";
import * as Payer from "./payer.ts";
import { refusal } from "./refusal.ts";

/** Milliseconds between two reconsiderations of guarantees. Source: facts of payments, section 7. */
const RESERVE_MS = 25_000;
/** Gas of one more row in a `reserve`: 28,692 measured over 50 fresh lanes in the gas snapshot. */
const RESERVE_GAS = 29_000n;
/** Seconds that the deposit must still last before people are told. */
const LOW_S = 900;

/** Reads lanes from the chain into the books. */
export async function refreshLanes(
  { chain, ledger }: PotParts,
  type: "chain" | "confirmed",
  lanes: readonly Lane[],
  waits: Waits,
): Promise<void> {
  const [now, states] = await Promise.all([
    chain.now(waits),
    chain.lanes(ledger.potId, lanes, waits),
  ]);
  const rows = lanes.flatMap(({ payee, lane }, i) => {
    const state = states[i];
    return state ? [{ payee, lane, ...state }] : [];
  });
  await ledger.post({ type, now, lanes: rows });
}

/** Sends one `reserve` and reads back what it brought. A failure is noted in the books, and never thrown. */
export async function reserve(
  parts: PotParts,
  rows: readonly Reservation[],
  waits: Waits,
): Promise<void> {
  const { chain, ledger, tell } = parts;
  try {
    // By the session key alone: a browser wallet must not ask its person every half minute.
    if (!ledger.key) throw refusal({ code: "POT_CLOSED", state: ledger.record.state });
    const sent = await chain.reserve(ledger.key, ledger.config, rows, waits);
    await refreshLanes(parts, "confirmed", rows, waits);
    const lanes = sent.events.filter(({ type }) => type === "reserved").length;
    tell({ type: "reserved", lanes, gas: sent.gas });
  } catch {
    // Without a guarantee the lanes go on as before; it is tried again when guarantees are next reconsidered.
    await ledger.post({ type: "failed" });
  }
}

/** Reconsiders guarantees, and what is left of the deposit, from time to time. Rejects when its signal fires. */
export async function maintainGuarantees(parts: PotParts, waits: Waits): Promise<void> {
  const { chain, clock, ledger, tell } = parts;
  let low = false;
  for (;;) {
    await clock.sleep(RESERVE_MS, waits);
    if (ledger.book.state !== "open" || ledger.book.lanes.size === 0) continue;
    try {
      await refreshLanes(parts, "chain", [...ledger.book.lanes.values()], waits);
      const [now, price] = await Promise.all([chain.now(waits), chain.gasPrice(waits)]);
      await ledger.post({ type: "due", now, gas: (RESERVE_GAS * price) as Wei });
      const seconds = Payer.lasts(ledger.book, now);
      if (seconds === undefined || seconds >= LOW_S) low = false;
      else if (!low) {
        low = true;
        tell({ type: "low", free: Payer.free(ledger.book), seconds });
      }
    } catch {
      if (waits.signal.aborted) return; // else the server is away: tried again at the next turn
    }
  }
}
