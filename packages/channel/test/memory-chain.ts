import type { Amount, Wei } from "@tabcast/runtime";
import { isAddressEqual, keccak256, type LocalAccount, toHex, zeroAddress } from "viem";
import type { Chain, PotEvent, SendCoinsOptions, Sent, Wallet } from "../src/chain/chain.ts";
import { ChainError, insufficient } from "../src/chain/chain-error.ts";
import { potId as potIdOf, separator } from "../src/config.ts";
import { type Currency, coin } from "../src/currency.ts";
import { FINALIZED } from "../src/final.ts";
import { least } from "../src/least.ts";
import { nonceOf } from "../src/payer/authorization.ts";
import type { Address, Hex, Lane, PotConfig } from "../src/types.ts";
import { NAMES } from "./ledger-end.ts";

const DOMAIN = { chainId: 31_337, contract: `0x${"c0".repeat(20)}` } as const;
/** Dollars of six decimals, whose deposits a wallet only signs. */
export const DOLLARS: Currency = {
  token: `0x${"d0".repeat(20)}`,
  symbol: "USDC",
  decimals: 6,
  perCoin: 3_000_000_000n as Amount,
};
/** Wei that each transaction costs its sender. */
export const FEE = 1_000n;

type Call =
  | { do: "deposit"; config: PotConfig; amount: bigint; signerGas: bigint; nonce?: Hex }
  | { do: "coins"; to: Address; amount: bigint }
  | { do: "pay"; config: PotConfig; rows: readonly (Lane & { cumulative: bigint })[] }
  | { do: "close" | "finalize"; config: PotConfig }
  | { do: "withdraw"; account: Address };

interface Transaction {
  readonly hash: Hex;
  readonly from: Address;
  readonly nonce: number;
  readonly call: Call;
}

interface State {
  now: number;
  height: bigint;
  pots: Map<Hex, { balance: bigint; closeAt: number }>;
  /** By pot, payee and lane. */
  claimed: Map<string, bigint>;
  used: Set<Hex>;
  events: PotEvent[];
  blocks: Map<Hex, bigint>;
  nonces: Map<Address, number>;
  coins: Map<Address, bigint>;
  tokens: Map<Address, bigint>;
  credits: Map<Address, bigint>;
}

/**
 * A chain that is a few maps, for one contract with pots in one currency: no gas market, no guarantees, and a block for each
 * transaction. It forgets what came after a snapshot, and keeps a browser wallet's transactions waiting for a block.
 */
export interface MemoryChain {
  readonly chain: Chain;
  /** Gives an account coins, and as many parts of the token. */
  give(account: Address, coins: bigint, tokens?: bigint): void;
  /** Lets the chain's clock jump by so many seconds. */
  warp(seconds: number): void;
  /** What undoes all that comes after it, as a reorganisation does. */
  snapshot(): () => void;
  /** Notes a payer's authorization as used, as its cancellation does. */
  cancel(nonce: Hex): void;
  /** While true, what is sent waits for a block, and its sender is told that it is not settled. */
  held: boolean;
  /** Puts all that waits into blocks, or into none. */
  end(waiting: "mined" | "dropped"): void;
  /** Everything that was ever asked of wallets and keys, in order. */
  readonly asked: Call["do"][];
}

export function memoryChain(currency: Currency = coin()): MemoryChain {
  let state: State = {
    ...{ now: 1_800_000_000, height: 1n, pots: new Map(), claimed: new Map(), used: new Set() },
    ...{ events: [], blocks: new Map(), nonces: new Map(), coins: new Map(), tokens: new Map() },
    credits: new Map(),
  };
  /** Signed bytes, and transactions that no block has, outlast what the chain forgets. */
  const signed = new Map<Hex, Transaction>();
  const waiting = new Map<Hex, Transaction>();
  const asked: Call["do"][] = [];
  let count = 0;

  const inCoins = isAddressEqual(currency.token, zeroAddress);
  const key = (account: Address) => account.toLowerCase() as Address;
  const of = (map: Map<Address, bigint>, account: Address) => map.get(key(account)) ?? 0n;
  const add = (map: Map<Address, bigint>, account: Address, sum: bigint) =>
    map.set(key(account), of(map, account) + sum);
  const idOf = (config: PotConfig) => potIdOf(separator(DOMAIN), config);
  const laneOf = (potId: Hex, { payee, lane }: Lane) => `${potId}/${key(payee)}/${lane}`;
  const used = (account: Address) => state.nonces.get(key(account)) ?? 0;
  const wallets = () => (inCoins ? state.coins : state.tokens);
  const reverted = (error: string, hash?: Hex) =>
    new ChainError(
      { code: "CHAIN_REVERTED", error, args: [], ...(hash && { hash }) },
      `reverted: ${error}`,
    );

  /** A pot that is not final; throws CHAIN_REVERTED, of somebody who is neither its payer nor its session key too. */
  function alive(config: PotConfig, by?: Address) {
    if (by && ![config.payer, config.signer].includes(by)) throw reverted("NotAuthorised");
    const pot = state.pots.get(idOf(config));
    if (!pot) throw reverted("PotUnknown");
    if (pot.closeAt === FINALIZED) throw reverted("PotIsFinal");
    return pot;
  }

  function pay({ config, rows }: Extract<Call, { do: "pay" }>, from: Address): object[] {
    const potId = idOf(config);
    alive(config, from);
    return rows.flatMap(({ payee, lane, cumulative }) => {
      const pot = alive(config);
      const before = state.claimed.get(laneOf(potId, { payee, lane })) ?? 0n;
      const due = cumulative - before;
      if (due <= 0n) return [];
      const paid = least(due, pot.balance);
      const claimed = before + paid;
      state.pots.set(potId, { ...pot, balance: pot.balance - paid });
      state.claimed.set(laneOf(potId, { payee, lane }), claimed);
      add(state.credits, payee, paid);
      return [
        ...(paid > 0n ? [{ type: "claimed", potId, payee, lane, paid, claimed, fee: 0n }] : []),
        ...(paid < due ? [{ type: "bounced", potId, payee, lane, shortfall: due - paid }] : []),
      ];
    });
  }

  /** What the call does, in a block; throws CHAIN_REVERTED and changes nothing where it may not. */
  function execute({ hash, from, call, nonce }: Transaction): Sent {
    const events: PotEvent[] = [];
    const height = state.height + 1n;
    const tell = (event: object) =>
      events.push({ hash, block: height, index: 0, ...event } as unknown as PotEvent);
    if (call.do === "coins") {
      add(state.coins, from, -call.amount);
      add(state.coins, call.to, call.amount);
    } else if (call.do === "deposit") {
      const { config, amount, signerGas } = call;
      const potId = idOf(config);
      const pot = state.pots.get(potId) ?? { balance: 0n, closeAt: 0 };
      if (pot.closeAt !== 0) throw reverted("PotClosing", hash);
      if (call.nonce && state.used.has(call.nonce)) throw reverted("used", hash);
      if (of(wallets(), config.payer) < amount) throw reverted("exceeds balance", hash);
      if (call.nonce) state.used.add(call.nonce);
      add(wallets(), config.payer, -amount);
      add(state.coins, from, -signerGas);
      add(state.coins, config.signer, signerGas);
      state.pots.set(potId, { ...pot, balance: pot.balance + amount });
      tell({ type: "deposited", potId, amount });
    } else if (call.do === "pay") {
      for (const event of pay(call, from)) tell(event);
    } else if (call.do === "withdraw") {
      const amount = of(state.credits, call.account);
      if (amount === 0n) throw reverted("ZeroAmount");
      add(wallets(), call.account, amount);
      state.credits.delete(key(call.account));
    } else {
      const potId = idOf(call.config);
      const pot = alive(call.config, call.do === "close" ? from : undefined);
      if (call.do === "close") {
        if (pot.closeAt !== 0) throw reverted("PotClosing");
        const closeAt = state.now + call.config.challengePeriod;
        state.pots.set(potId, { ...pot, closeAt });
        tell({ type: "closing", potId, closeAt });
      } else {
        if (pot.closeAt === 0) throw reverted("PotNotClosing");
        if (pot.closeAt > state.now) throw reverted("ChallengeRunning");
        state.pots.set(potId, { balance: 0n, closeAt: FINALIZED });
        add(state.credits, call.config.payer, pot.balance);
        tell({ type: "final", potId, refund: pot.balance });
      }
    }
    add(state.coins, from, -FEE);
    state.nonces.set(key(from), nonce + 1);
    state.height = height;
    state.blocks.set(hash, height);
    state.events.push(...events);
    return { hash, block: height, gas: 1n, cost: FEE as Wei, events };
  }

  /** Sends a transaction once: throws CHAIN_UNCONFIRMED where it waits, CHAIN_REPLACED where its nonce is another's. */
  function send(transaction: Transaction): Sent {
    const { hash, from, nonce } = transaction;
    const block = state.blocks.get(hash);
    if (block !== undefined) return { hash, block, gas: 1n, cost: FEE as Wei, events: [] };
    if (nonce < used(from))
      throw new ChainError({ code: "CHAIN_REPLACED", hash, account: from, nonce }, "replaced");
    waiting.delete(hash);
    if (!chain.held) return execute(transaction);
    waiting.set(hash, transaction);
    throw new ChainError({ code: "CHAIN_UNCONFIRMED", hash, seconds: 120 }, "it may still arrive");
  }

  async function ask(
    wallet: Wallet,
    call: Call,
    told: Pick<SendCoinsOptions, "before" | "sentAs"> = {},
  ) {
    asked.push(call.do);
    const { address: from } = wallet;
    const value = call.do === "coins" ? call.amount : call.do === "deposit" ? call.signerGas : 0n;
    const need = (value + FEE) as Wei;
    const have = of(state.coins, from) as Wei;
    if (have < need)
      throw new ChainError({ code: "CHAIN_INSUFFICIENT", account: from, have, need }, "too few");
    const nonce = used(from) + [...waiting.values()].filter((one) => one.from === from).length;
    const raw = toHex(`transaction ${++count} of ${from}`);
    const transaction = { hash: keccak256(raw), from, nonce, call };
    const { hash } = transaction;
    if ("provider" in wallet) {
      await wallet.provider.request({ method: "eth_sendTransaction" });
      // A wallet has sent it by then, whatever becomes of the tab.
      waiting.set(hash, transaction);
      await told.sentAs?.({ from, hash, nonce });
    } else {
      signed.set(raw, transaction);
      await told.before?.(raw);
    }
    return send(transaction);
  }

  const potOf = (potId: Hex) => {
    const pot = state.pots.get(potId);
    const { balance, closeAt } = pot ?? { balance: 0n, closeAt: 0 };
    return { balance: balance as Amount, closeAt, reserved: 0n as Amount, exists: !!pot };
  };
  const laneIn = (potId: Hex, lane: Lane) => ({
    claimed: (state.claimed.get(laneOf(potId, lane)) ?? 0n) as Amount,
    ...{ ceiling: 0n as Amount, until: 0, version: 0 },
  });

  const calls: Partial<Chain> = {
    ...{ domain: DOMAIN, rpc: "memory:", currency, feeBps: 0 },
    pot: async (potId) => potOf(potId),
    look: async (potId, lanes) => ({
      pot: potOf(potId),
      lanes: lanes.map((lane) => laneIn(potId, lane)),
      now: state.now,
    }),
    credit: async (account) => of(state.credits, account) as Amount,
    balance: async (account) => of(state.coins, account) as Wei,
    tokenBalance: async (account) => of(wallets(), account) as Amount,
    authorizing: async () =>
      inCoins
        ? undefined
        : { name: "USD Coin", version: "2", chainId: 31_337, verifyingContract: currency.token },
    authorizationUsed: async (_, nonce) => state.used.has(nonce),
    now: async () => state.now,
    height: async () => state.height,
    gasPrice: async () => 1n as Wei,
    costOf: async ({ transactions }) => (BigInt(transactions) * FEE) as Wei,
    quote: async (from) => {
      const have = of(state.coins, from);
      if (have < FEE) throw insufficient(from, { have, need: FEE, coin: "ETH" });
      return { gas: 1n, cost: FEE as Wei };
    },
    events: async (potId, block, { only }) =>
      state.events.filter(
        (event) =>
          event.potId === potId &&
          event.block >= block &&
          (only?.some((name) => NAMES[name] === event.type) ?? true),
      ),
    sent: async (hash) => {
      const block = state.blocks.get(hash);
      return block === undefined
        ? undefined
        : { hash, block, gas: 1n, cost: FEE as Wei, events: [] };
    },
    fate: async ({ from, hash, nonce = 0 }) => {
      if (state.blocks.has(hash)) return "done";
      return waiting.has(hash) || nonce >= used(from) ? "open" : "void";
    },
    deposit: (wallet, config, { amount, signerGas, ...told }) =>
      ask(wallet, { do: "deposit", config, amount, signerGas }, told),
    depositWithAuthorization: async (wallet, config, authorization) => {
      const { amount, authSalt, validBefore } = authorization;
      if (state.now >= validBefore) throw reverted("expired");
      const nonce = nonceOf(idOf(config), { amount: amount.toString(), authSalt });
      return ask(wallet, { do: "deposit", config, amount, signerGas: 0n, nonce });
    },
    sendCoins: (wallet, to, { amount, ...told }) => ask(wallet, { do: "coins", to, amount }, told),
    resend: async (raw) => {
      const transaction = signed.get(raw);
      if (!transaction) throw new Error("nobody signed that");
      return send(transaction);
    },
    pay: (wallet, config, rows) => ask(wallet, { do: "pay", config, rows }),
    startClose: (wallet, config) => ask(wallet, { do: "close", config }),
    finalizeClose: (wallet, config) => ask(wallet, { do: "finalize", config }),
    withdraw: (wallet, account) => ask(wallet, { do: "withdraw", account }),
    sweep: async (from: LocalAccount, to) => {
      const amount = of(state.coins, from.address) - FEE;
      return amount > 0n ? ask(from, { do: "coins", to, amount }) : undefined;
    },
  };

  const chain: MemoryChain = {
    chain: new Proxy(calls as Chain, {
      get(target, name: keyof Chain) {
        // What is awaited is asked whether it is a promise.
        if (name in target || (name as string) === "then") return target[name];
        throw new Error(`the chain in memory has no ${String(name)}`);
      },
    }),
    give(account, coins, tokens = 0n) {
      add(state.coins, account, coins);
      add(state.tokens, account, tokens);
    },
    warp(seconds) {
      state.now += seconds;
    },
    snapshot() {
      const before = structuredClone(state);
      return () => {
        state = structuredClone({ ...before, now: state.now });
      };
    },
    cancel: (nonce) => void state.used.add(nonce),
    held: false,
    end(how) {
      const all = [...waiting.values()];
      waiting.clear();
      if (how === "mined") for (const one of all) execute(one);
    },
    asked,
  };
  return chain;
}
