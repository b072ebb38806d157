import type {
  Address,
  Chain,
  Hex,
  PayerPot,
  Settlement,
  SettleProgress,
  StoredPot,
  Wallet,
} from "@tabcast/channel";
import { Amount, type Wei } from "@tabcast/runtime";
import type { Bag } from "./bag.ts";
import type { Books } from "./books.ts";
import { domainOf, type Identity, payingBy } from "./identity.ts";
import { type LostPot, lostPots, payingIn } from "./lost.ts";
import type { Purses, Who } from "./purses.ts";
import type { Rpc, Sent } from "./rpc.ts";

/** Lines of history given at a time. */
const HISTORY_LINES = 10;

/** Where an address's earnings are, in parts of what the network pays in. */
export interface Takings {
  /** Signed by vouchers in this tab's books and not yet on chain. */
  readonly unclaimed: Amount;
  /** On chain, ready to withdraw. */
  readonly credit: Amount;
  /** Delivered, signed and claimed so far, by this tab's books. */
  readonly delivered: Amount;
  readonly signed: Amount;
  readonly claimed: Amount;
  /** Signed, not paid yet, and still in the pots. */
  readonly outstanding: Amount;
  /** What live guarantees cover of it, by this tab's books: also after a reload, before any news came. */
  readonly guaranteed: Amount;
  /** Signed so far by each of the pots that were asked about. */
  readonly pots: ReadonlyMap<Hex, Amount>;
}

/** What a wallet can pay with. */
export interface Funds {
  readonly pay: Amount;
  readonly coins: Wei;
  /** The token takes signed transfers (EIP-3009). */
  readonly signs: boolean;
}

/** A page of an account's history, with who sent each transaction that paid the account; missing where nobody knows. */
export interface History extends Chain.HistoryPage {
  readonly senders: ReadonlyMap<Hex, Sent>;
}

/** Brings money home: a worker's earnings, and what is left in a broadcaster's pots. All throw ChainError and StoreError. */
export interface Settling {
  takings(who: Who & { readonly pots?: readonly Hex[] }): Promise<Takings>;
  /** Brings every voucher to the contract. Throws PURSE_NO_ACCOUNT without a wallet. */
  claim(who: Who): Promise<{ readonly paid: Amount }>;
  /** Sends the whole credit to the payee, or to another address of the wallet's choice. Throws PURSE_NO_ACCOUNT without a wallet. */
  withdraw(who: Who & { readonly to?: Address | undefined }): Promise<unknown>;
  /** What happened to an address's money on this network, newest first; `before` is the last page's `next`. */
  history(account: Address, before?: bigint): Promise<History>;
  /** What an account's own wallet holds of what pots are in, and of the coin; and whether a signature is all that a deposit takes. */
  funds(account: Address): Promise<Funds>;
  /** Pots of this browser that still hold money on this network: a tab that crashed leaves one. */
  unsettled(): Promise<readonly StoredPot[]>;
  /**
   * Pays the workers of a pot that was left behind and takes the rest back. The session key pays the gas; the payer's wallet, if it
   * is given, what that cannot. Throws as `resumePot`.
   */
  settlePot(
    potId: StoredPot["potId"],
    progress: (now: SettleProgress) => void,
    payer?: Wallet,
  ): Promise<Settlement>;
  /** Pots that an address opened on this network, that still hold money, and that this browser has no books of. */
  lost(payer: Address): Promise<readonly LostPot[]>;
  /** Closes a pot without its books, by the wallet that paid: workers claim by themselves, and the rest comes back. Throws as `recoverPot`. */
  takeBack(
    pot: LostPot,
    payer: Wallet,
    progress: (now: SettleProgress) => void,
  ): Promise<Settlement>;
}

export function openSettling(
  { outside, signal }: Bag,
  parts: {
    identity: Pick<Identity, "config">;
    books: Books;
    purses: Purses;
    rpc: Pick<Rpc, "sent">;
  },
): Settling {
  const { identity, books, purses, rpc } = parts;
  const all = () => Promise.all([identity.config(), outside.money(), books.open()]);
  async function connect() {
    const [config, { Chain }] = await Promise.all([identity.config(), outside.money()]);
    return Chain.connect({ ...payingBy(config), signal });
  }

  async function end(pot: PayerPot, progress: (now: SettleProgress) => void): Promise<Settlement> {
    try {
      return await pot.settle({ signal, progress });
    } finally {
      await pot.close();
    }
  }
  const stored = async () => (await outside.money()).unsettled(await books.open());

  return {
    takings: ({ pots = [], ...who }) =>
      purses.use(who, async (purse) => {
        const chain = await connect();
        const { accrued, vouchered, claimed, outstanding } = purse.balances();
        return {
          delivered: accrued,
          signed: vouchered,
          claimed,
          outstanding,
          guaranteed: purse.guaranteed(),
          pots: new Map(pots.map((pot) => [pot, purse.highest(pot)?.cumulative ?? Amount.zero])),
          unclaimed: vouchered > claimed ? Amount.sub(vouchered, claimed) : Amount.zero,
          credit: await chain.credit(who.payee, { signal }),
        };
      }),
    claim: (who) => purses.use(who, (purse) => purse.claim({ signal })),
    async withdraw({ to, ...who }) {
      if (to === undefined || who.wallet === undefined)
        return purses.use(who, (purse) => purse.withdraw({ signal }));
      const chain = await connect();
      const credit = await chain.credit(who.payee, { signal });
      return chain.withdrawTo(who.wallet, to, credit, { signal });
    },
    async history(account, before) {
      const chain = await connect();
      const page = before === undefined ? {} : { before };
      const found = await chain.history(account, { signal, limit: HISTORY_LINES, ...page });
      return { ...found, senders: await sendersOf(rpc, found, account) };
    },
    async funds(account) {
      const chain = await connect();
      const [pay, coins, domain] = await Promise.all([
        chain.tokenBalance(account, { signal }),
        chain.balance(account, { signal }),
        chain.authorizing({ signal }),
      ]);
      return { pay, coins, signs: domain !== undefined };
    },
    async unsettled() {
      const [config, money, store] = await all();
      const ours = domainOf(config);
      const pots = await money.unsettled(store);
      // A pot in another token is another network's, though its contract be the same.
      const token = config.chain.currency?.token ?? `0x${"0".repeat(40)}`;
      return pots.filter(
        ({ domain, config: { token: its } }) =>
          its.toLowerCase() === token.toLowerCase() &&
          domain.chainId === ours.chainId &&
          domain.contract.toLowerCase() === ours.contract.toLowerCase(),
      );
    },
    async settlePot(potId, progress, payer) {
      const [config, money, store] = await all();
      const found = (await stored()).find((one) => one.potId === potId);
      const { usdc } = money.Chains.of(config.chain.id);
      const paying = found ? payingIn(config, found.config.token, usdc) : payingBy(config);
      const options = { ...paying, potId, store, signal };
      const pot = await money.resumePot({ ...options, ...(payer && { payer }) });
      return end(pot, progress);
    },
    async lost(payer) {
      const [chain, known] = await Promise.all([connect(), stored()]);
      return lostPots(chain, payer, { known, signal });
    },
    async takeBack({ config: pot, from }, payer, progress) {
      const [config, money, store] = await all();
      const paying = payingIn(config, pot.token, money.Chains.of(config.chain.id).usdc);
      const options = { ...paying, config: pot, from, payer, store, signal };
      return end(await money.recoverPot(options), progress);
    },
  };
}

/** Who sent the transactions that paid the account. A server that does not say costs a word of the history, not the history. */
async function sendersOf(
  rpc: Pick<Rpc, "sent">,
  { events }: Chain.HistoryPage,
  account: Address,
): Promise<ReadonlyMap<Hex, Sent>> {
  const mine = (address: Address) => address.toLowerCase() === account.toLowerCase();
  const hashes = new Set(
    events.flatMap((one) => (one.type === "claimed" && mine(one.payee) ? [one.hash] : [])),
  );
  const found = new Map<Hex, Sent>();
  for (const hash of hashes) {
    const sent = await rpc.sent(hash).catch(() => undefined);
    if (sent !== undefined) found.set(hash, sent);
  }
  return found;
}
