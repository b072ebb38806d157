/** Looks at the pots of a purse: at once, and again every `refresh` milliseconds, all of them at one block. */
import { worth } from "../currency.ts";
import { FINALIZED } from "../final.ts";
import { CLAIM_GAS } from "./claim.ts";
import { type LaneLedger, viewOf } from "./lane-ledger.ts";
import type { Lanes } from "./lanes.ts";
import type { PurseParts } from "./parts.ts";

/** Lanes of one look: a pot and a lane are two storage slots, and 250 fit into a request. */
const PER_LOOK = 125;
/** Looks between two for lanes that other tabs left behind. */
const ADOPT_EVERY = 10;

/** Watches until the purse is closed. What goes wrong is told, and tried again with the next look. */
export async function watchPots(parts: PurseParts, lanes: Lanes, refresh: number): Promise<void> {
  const { clock, signal, trouble } = parts;
  for (let count = 1; ; count++) {
    await lookAtAll(parts, lanes);
    lanes.letGo();
    await clock.sleep(refresh, { signal });
    if (count % ADOPT_EVERY === 0) await lanes.adopt().catch(trouble);
  }
}

/** Asks what a claim costs now. */
export async function askClaimCost({ chain, setClaimCost, signal }: PurseParts): Promise<void> {
  setClaimCost(
    worth(chain.currency, await chain.costOf({ gas: CLAIM_GAS, transactions: 1 }, { signal })),
  );
}

/** One look at every pot that can still change, worthwhile ones first; a part that fails keeps no other from being seen. */
async function lookAtAll(parts: PurseParts, lanes: Lanes): Promise<void> {
  const live = lanes.all().filter(({ book }) => book.closeAt !== FINALIZED);
  if (live.length === 0) return;
  await askClaimCost(parts).catch(parts.trouble);
  for (let from = 0; from < live.length; from += PER_LOOK)
    await lookAt(parts, live.slice(from, from + PER_LOOK)).catch(parts.trouble);
}

async function lookAt(parts: PurseParts, ledgers: readonly LaneLedger[]): Promise<void> {
  const { chain, payee, signal, trouble } = parts;
  const turns = ledgers.map((ledger) => ledger.beginLook());
  const asked = ledgers.map(({ potId, lane }) => ({ potId, lanes: [{ payee, lane }] }));
  const { pots, now } = await chain.snapshot(asked, { signal });
  await Promise.all(
    ledgers.map((ledger, i) => {
      const { exists, ...view } = viewOf(pots[i], now);
      // A pot that the server does not know is a server that lags, or a chain that went back: what we hold stays as it was.
      if (!exists) return undefined;
      return ledger.queue.run(() => ledger.see(view, turns[i] ?? 0)).catch(trouble);
    }),
  );
}
