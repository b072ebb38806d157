import type { Amount, Wei } from "@tabcast/runtime";
import type { LaneState, PotState, Waits } from "../chain/chain.ts";
import { isCoin } from "../chain/token.ts";
import { worth } from "../currency.ts";
import type { Lane } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { endCost, ROWS, refuel } from "./fuel.ts";
import type { PotParts } from "./parts.ts";
import * as Payer from "./payer.ts";
import { refusal } from "./refusal.ts";

/** Milliseconds between two reconsiderations of guarantees. Source: facts of payments, section 7. */
const RESERVE_MS = 25_000;
/** Gas of one more row in a `reserve`: 28,692 measured over 50 fresh lanes in the gas snapshot. */
const RESERVE_GAS = 29_000n;
/** Seconds that the deposit must still last before people are told. */
const LOW_S = 900;

/** A pot and lanes of it as one block has them; the books take it in. */
export async function look(
  { chain, ledger }: PotParts,
  lanes: readonly Lane[],
  { signal }: Waits,
  type: "chain" | "confirmed" = "chain",
) {
  const seen = await chain.look(ledger.potId, lanes, { signal });
  const states = new Map<string, LaneState>();
  const rows = lanes.flatMap(({ payee, lane }, i) => {
    const state = seen.lanes[i];
    if (!state) return [];
    states.set(laneKey({ payee, lane }), state);
    return [{ payee, lane, ...state }];
  });
  await ledger.post({ type, lanes: rows });
  return { pot: seen.pot, now: seen.now, lanes, states };
}

/**
 * Looks at every lane, and takes in what the pot holds beyond what we know of: a deposit whose answer was lost, or somebody
 * else's.
 */
export async function lookAtAll(parts: PotParts, waits: Waits): Promise<void> {
  const { ledger } = parts;
  const { pot, states } = await look(parts, [...ledger.book.lanes.values()], waits);
  let seen: bigint = pot.balance;
  for (const { claimed } of states.values()) seen += claimed;
  const amount = (seen - ledger.book.deposited) as Amount;
  if (pot.exists && amount > 0n) await ledger.post({ type: "toppedUp", amount });
}

/** Sends one `reserve`, behind the release of what lapsed, and reads back what it brought. A failure is noted in the books, and never thrown. */
export async function reserve(
  parts: PotParts,
  { rows, lapsed }: Payer.Guarantees,
  waits: Waits,
): Promise<void> {
  const { chain, ledger, tell } = parts;
  try {
    // By the session key alone: a browser wallet must not ask its person every half minute.
    const { key, config } = ledger;
    if (!key) throw refusal({ code: "POT_CLOSED", state: ledger.record.state });
    const sent = await chain.reserve(key, config, rows, { ...waits, lapsed });
    await look(parts, [...rows, ...lapsed], waits, "confirmed");
    const lanes = sent.events.filter(({ type }) => type === "reserved").length;
    if (lanes > 0) tell({ type: "reserved", lanes, gas: sent.gas });
  } catch {
    // Without a guarantee the lanes go on as before; it is tried again when guarantees are next reconsidered.
    await ledger.post({ type: "failed" });
  }
}

/**
 * What the session key has, and what guarantees and the end of the pot cost with every lane that there is, if it has less; undefined
 * if it has that. It takes what it lacks out of what the pot promises nobody.
 */
async function lacksFuel(
  parts: PotParts,
  pot: PotState,
  waits: Waits,
): Promise<{ readonly have: Wei; readonly need: Wei } | undefined> {
  const { chain, ledger } = parts;
  const lanes = BigInt(ledger.book.lanes.size);
  const guarantees = { gas: lanes * RESERVE_GAS, transactions: Math.ceil(Number(lanes) / ROWS) };
  const [have, need, cost] = await Promise.all([
    chain.balance(ledger.config.signer, waits),
    endCost(parts, waits),
    chain.costOf(guarantees, waits),
  ]);
  const lacks = need + cost - have;
  if (lacks <= 0n || (await refuel(parts, { pot }, lacks, waits)) !== undefined) return undefined;
  return { have, need: (need + cost) as Wei };
}

/**
 * Reconsiders guarantees, and what is left of the deposit, from time to time while the pot is open; `seen` hears of each look. Rejects
 * when its signal fires.
 */
export async function maintainGuarantees(
  parts: PotParts,
  seen: (one: Awaited<ReturnType<typeof look>>, waits: Waits) => Promise<void>,
  waits: Waits,
): Promise<void> {
  const { chain, clock, ledger, tell } = parts;
  let low = false;
  let gasLow = false;
  for (;;) {
    await clock.sleep(RESERVE_MS, waits);
    if (ledger.book.state !== "open") return;
    if (ledger.book.lanes.size === 0 && ledger.record.topUp === undefined) continue;
    try {
      const found = await look(parts, [...ledger.book.lanes.values()], waits);
      const { pot, now } = found;
      await seen(found, waits);
      if (ledger.book.lanes.size === 0) continue;
      const gas = await chain.costOf({ gas: RESERVE_GAS, transactions: 0 }, waits);
      const lacks = await lacksFuel(parts, pot, waits);
      if (lacks === undefined)
        await ledger.post({ type: "due", now, gas: worth(chain.currency, gas) });
      else if (!gasLow && !isCoin(chain.currency)) tell({ type: "gasLow", ...lacks });
      gasLow = lacks !== undefined;
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
