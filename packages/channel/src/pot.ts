import { type Clock, type Random, secureRandom, systemClock, type Wei } from "@tabcast/runtime";
import { formatEther, getAddress, type PrivateKeyAccount, zeroAddress } from "viem";
import { bytesToHex } from "viem/utils";
import {
  type Chain,
  ChainError,
  connect,
  type Reservation,
  type Sent,
  type Waits,
  type Wallet,
} from "./chain.ts";
import { check, PotError, type PotReason, potId as potIdOf, separator } from "./config.ts";
import { FINALIZED } from "./final.ts";
import * as Payer from "./payer.ts";
import { Queue } from "./queue.ts";
import { newSecret, openSecret } from "./secret.ts";
import { type Change, type Json, type Sealed, type Store, StoreError } from "./store.ts";
import type {
  Address,
  Domain,
  Hex,
  Lane,
  PayerPot,
  PotConfig,
  PotNews,
  Settlement,
  SettleProgress,
  SignedVoucher,
} from "./types.ts";
import * as Voucher from "./voucher.ts";

export interface OpenPotOptions {
  readonly domain: Domain;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** Whose coins are deposited, and who gets the refund. */
  readonly payer: Wallet;
  /** Wei for the workers. */
  readonly deposit: Wei;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Seconds that workers have to claim after the close began. Default 3600; 900 to 604_800. */
  readonly challengePeriod?: number;
  /** Wei for the session key's own transactions; what is left comes back. Default: twice what settling 16 lanes costs now. */
  readonly signerGas?: Wei;
  readonly clock?: Clock;
  /** Makes the pot's salt. Default: the platform's cryptographic randomness. */
  readonly random?: Random;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
}

export interface ResumePotOptions {
  readonly potId: Hex;
  readonly rpc: string;
  /** Steps in when the session key has no coins left. */
  readonly payer?: Wallet;
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
}

/** A pot in the store that is not settled yet. */
export interface StoredPot {
  readonly potId: Hex;
  readonly domain: Domain;
  readonly config: PotConfig;
  /** Wei. */
  readonly deposited: Wei;
}

/**
 * Gas that the session key needs: pay 16 fresh lanes of fresh payees (measured 54k each in the gas snapshot), startClose,
 * finalizeClose, withdraw and the way back, with room.
 */
const SETTLE_GAS = 1_300_000n;
/** Milliseconds between two thoughts of guarantees. Source: facts of payments, section 7. */
const RESERVE_MS = 25_000;
/** Gas of one more row in a `reserve`: 28,692 measured over 50 fresh lanes in the gas snapshot. */
const RESERVE_GAS = 29_000n;
/** Seconds that the deposit must still last before people are told. */
const LOW_S = 900;
/** Lanes paid in one transaction. */
const ROWS = 150;

interface PotRecord {
  readonly domain: Domain;
  readonly config: PotConfig;
  readonly state: Payer.Book["state"];
  readonly deposited: string;
  /** Gone when nothing is left to sign or to bring back. */
  readonly key?: Sealed;
  /** Block before the deposit: where the pot's events begin. */
  readonly from: string;
  /** The deposit's signed transaction: a chain that goes back gets it again, and nothing else. */
  readonly raw?: Hex;
  readonly openGas?: string;
  readonly withdrawn?: Hex;
  readonly settlement?: Json;
}

const potKey = (potId: Hex) => `pot/${potId.toLowerCase()}`;
const laneKeyOf = (potId: Hex, lane: Lane) =>
  `pot-lane/${potId.toLowerCase()}/${Voucher.laneKey(lane)}`;

/**
 * Makes a session key, deposits, and gives the pot to pay from. Throws ChainError (CHAIN_UNREACHABLE, CHAIN_WRONG_ID,
 * CHAIN_NO_CONTRACT, CHAIN_INSUFFICIENT, CHAIN_REJECTED, ...), PotError or StoreError. If it fails after the deposit was sent,
 * `resumePot` finds it.
 */
export async function openPot(options: OpenPotOptions): Promise<PayerPot> {
  const {
    domain,
    rpc,
    payer,
    deposit,
    store,
    signal,
    clock = systemClock,
    random = secureRandom,
  } = options;
  if (deposit <= 0n || deposit > Voucher.MAX_AMOUNT)
    throw refusal({ code: "POT_BAD_AMOUNT", amount: deposit });
  const chain = options.chain ?? (await connect({ domain, rpc, signal, clock }));
  const { account, sealed } = await newSecret(store);
  const config: PotConfig = {
    payer: getAddress(payer.address),
    signer: account.address,
    token: zeroAddress,
    challengePeriod: options.challengePeriod ?? 3600,
    salt: bytesToHex(random.bytes(32)),
  };
  check(config);
  const potId = potIdOf(separator(domain), config);
  const signerGas =
    options.signerGas ?? ((SETTLE_GAS * (await chain.gasPrice({ signal })) * 2n) as Wei);

  const release = await store.lock(potKey(potId), { signal });
  try {
    let record: PotRecord = {
      domain,
      config,
      state: "open",
      deposited: deposit.toString(),
      key: sealed,
      from: (await chain.height({ signal })).toString(),
    };
    const keep = async (next: PotRecord) => {
      await store.write([[potKey(potId), { ...next } as unknown as Json]]);
      record = next;
    };
    // Before a coin moves: the key that can bring it back is on disk.
    await keep(record);
    let sent: Sent;
    try {
      sent = await chain.deposit(payer, config, {
        amount: deposit,
        signerGas,
        signal,
        before: (raw) => keep({ ...record, raw }),
      });
    } catch (error) {
      // Certainly not sent: nothing to come back to. What a browser wallet did before it failed, only it knows.
      const refused = error instanceof ChainError && NOT_SENT.has(error.code);
      if (record.raw === undefined && (refused || !("provider" in payer)))
        await store.write([[potKey(potId), undefined]]);
      throw error;
    }
    await keep({ ...record, openGas: sent.gas.toString() });
    return hold({
      chain,
      store,
      clock,
      payer,
      key: account,
      record,
      lanes: [],
      release,
      resumed: false,
    });
  } catch (error) {
    release();
    throw error;
  }
}

const NOT_SENT: ReadonlySet<string> = new Set([
  "CHAIN_INSUFFICIENT",
  "CHAIN_REJECTED",
  "CHAIN_WRONG_ID",
  "CHAIN_REVERTED",
]);

/**
 * Opens a stored pot again after a crash: sends a deposit that did not get out, signs what was intended and not signed. Throws
 * POT_UNKNOWN, POT_NOT_OPENED, STORE_LOCKED or ChainError.
 */
export async function resumePot(options: ResumePotOptions): Promise<PayerPot> {
  const { potId, rpc, payer, store, signal, clock = systemClock } = options;
  const release = await store.lock(potKey(potId), { signal });
  try {
    let record = await readPot(store, potId);
    const chain = options.chain ?? (await connect({ domain: record.domain, rpc, signal, clock }));
    if (record.openGas === undefined) {
      const sent = record.raw ? await chain.resend(record.raw, { signal }) : undefined;
      if (!sent && !(await chain.pot(potId, { signal })).exists)
        throw new PotError(
          { code: "POT_NOT_OPENED", potId },
          "the deposit of this pot never reached the chain",
        );
      record = { ...record, openGas: (sent?.gas ?? 0n).toString() };
      await store.write([[potKey(potId), { ...record } as unknown as Json]]);
    }
    const key = record.key && (await openSecret(store, record.key));
    const lanes = await readLanes(store, potId);
    const pot = hold({ chain, store, clock, payer, key, record, lanes, release, resumed: true });
    await pot.resume();
    return pot;
  } catch (error) {
    release();
    throw error;
  }
}

/** The pots in the store that still hold money, as far as this browser knows. */
export async function unsettled(store: Store): Promise<readonly StoredPot[]> {
  const found: StoredPot[] = [];
  for (const [key] of await store.list("pot/")) {
    const potId = key.slice("pot/".length) as Hex;
    const { domain, config, deposited, settlement } = await readPot(store, potId);
    if (settlement === undefined)
      found.push({ potId, domain, config, deposited: BigInt(deposited) as Wei });
  }
  return found;
}

async function readPot(store: Store, potId: Hex): Promise<PotRecord> {
  const value = await store.get(potKey(potId));
  if (value === undefined)
    throw new PotError({ code: "POT_UNKNOWN", potId }, `this browser has no pot ${potId}`);
  const record = value as unknown as PotRecord;
  if (
    typeof record !== "object" ||
    typeof record.deposited !== "string" ||
    typeof record.from !== "string" ||
    typeof record.config?.salt !== "string" ||
    typeof record.domain?.contract !== "string"
  )
    throw new StoreError(
      { code: "STORE_CORRUPT", key: potKey(potId) },
      `the stored pot ${potId} is unreadable`,
    );
  return record;
}

function laneRecord(lane: Payer.LaneBook): Json {
  const { payee, intent, signed, since } = lane;
  return {
    payee,
    lane: lane.lane,
    intent: intent.toString(),
    ...(since !== undefined && { since }),
    ...(signed && { signed: signed.cumulative.toString(), signature: signed.signature }),
  };
}

async function readLanes(store: Store, potId: Hex): Promise<readonly Payer.LaneBook[]> {
  const records = await store.list(`pot-lane/${potId.toLowerCase()}/`);
  return records.map(([key, value]) => {
    const record = value as {
      payee: Address;
      lane: number;
      intent: string;
      since?: number;
      signed?: string;
      signature?: Hex;
    };
    if (typeof record?.intent !== "string" || !Number.isInteger(record.lane))
      throw new StoreError({ code: "STORE_CORRUPT", key }, `the stored lane ${key} is unreadable`);
    const { payee, lane, intent, since, signed, signature } = record;
    return {
      payee,
      lane,
      intent: BigInt(intent) as Wei,
      ...(since !== undefined && { since }),
      ...(signed !== undefined &&
        signature !== undefined && {
          signed: { cumulative: BigInt(signed) as Wei, signature },
        }),
    };
  });
}

function refusal(reason: PotReason): PotError {
  switch (reason.code) {
    case "POT_EMPTY":
      return new PotError(
        reason,
        `the pot has ${formatEther(reason.free)} ETH left and ${formatEther(reason.need)} ETH is due`,
      );
    case "POT_BAD_AMOUNT":
      return new PotError(reason, `${reason.amount} wei is no amount: 1 to ${Voucher.MAX_AMOUNT}`);
    case "POT_BAD_LANE":
      return new PotError(reason, `${reason.payee}, lane ${reason.lane}, is no lane`);
    case "POT_CLOSED":
      return new PotError(reason, `the pot is ${reason.state} and pays nothing more`);
    default:
      return new PotError(reason, reason.code);
  }
}

interface Held {
  readonly chain: Chain;
  readonly store: Store;
  readonly clock: Clock;
  readonly payer: Wallet | undefined;
  readonly key: PrivateKeyAccount | undefined;
  readonly record: PotRecord;
  readonly lanes: readonly Payer.LaneBook[];
  readonly release: () => void;
  /** True for a pot from the store. */
  readonly resumed: boolean;
}

/** Carries out what `payer.ts` decides: each effect is done before the new book counts. */
function hold(held: Held): PayerPot & { resume(): Promise<void> } {
  const { chain, store, clock, payer, release } = held;
  const { domain, config } = held.record;
  const domainSeparator = separator(domain);
  const potId = potIdOf(domainSeparator, config);
  const queue = new Queue();
  let record = held.record;
  let key = held.key;
  let closed = false;
  let low = false;
  const own = new AbortController();
  const waits = { signal: own.signal };
  const listeners = new Set<(news: PotNews) => void>();
  let settling: Promise<Settlement> | undefined;
  let book: Payer.Book = {
    state: record.state,
    deposited: BigInt(record.deposited) as Wei,
    lanes: new Map(held.lanes.map((lane) => [Voucher.laneKey(lane), lane])),
  };

  const keep = async (next: PotRecord, more: readonly Change[] = []) => {
    await store.write([[potKey(potId), { ...next } as unknown as Json], ...more]);
    record = next;
  };
  const voucherOf = ({ payee, lane }: Lane, signed: Payer.Signed): SignedVoucher => ({
    potId,
    payee,
    lane,
    ...signed,
  });

  /** One event, with everything that follows from it. What it returns is what the peer must get. */
  async function act(event: Payer.Event): Promise<SignedVoucher | undefined> {
    const [next, effects] = Payer.step(book, event);
    let out: SignedVoucher | undefined;
    let current = false;
    // The book becomes ours only after its first write: a failed disk must not leave us ahead of it.
    const adopt = () => {
      if (!current) book = next;
      current = true;
    };
    for (const effect of effects) {
      if (effect.do === "refuse") throw refusal(effect.reason);
      if (effect.do === "storeLane") {
        await store.write([[laneKeyOf(potId, effect.lane), laneRecord(effect.lane)]]);
        adopt();
      } else if (effect.do === "storeState") {
        await keep({ ...record, state: effect.state, deposited: next.deposited.toString() });
        adopt();
      } else if (effect.do === "sign") {
        adopt();
        if (!key) throw refusal({ code: "POT_CLOSED", state: "final" });
        const { lane, cumulative } = effect;
        const { signature } = await Voucher.sign(domainSeparator, key, {
          potId,
          ...lane,
          cumulative,
        });
        out = await act({ type: "signed", lane, cumulative, signature });
      } else if (effect.do === "reserve") {
        adopt();
        // Beside the queue: paying does not wait for a block.
        void reserve(effect.rows);
      } else {
        const { lane, cumulative, signature } = effect;
        out = voucherOf(lane, { cumulative, signature });
      }
    }
    adopt();
    return out;
  }

  const tell = (news: PotNews) => {
    for (const listener of listeners) listener(news);
  };

  async function seeLanes(type: "chain" | "confirmed", lanes: readonly Lane[]): Promise<void> {
    const [now, states] = await Promise.all([chain.now(waits), chain.lanes(potId, lanes, waits)]);
    const rows = lanes.flatMap(({ payee, lane }, i) => {
      const state = states[i];
      return state ? [{ payee, lane, ...state }] : [];
    });
    await queue.run(() => act({ type, now, lanes: rows }));
  }

  async function reserve(rows: readonly Reservation[]): Promise<void> {
    try {
      // By the session key alone: a browser wallet must not ask its person every half minute.
      if (!key) throw refusal({ code: "POT_CLOSED", state: record.state });
      const sent = await chain.reserve(key, config, rows, waits);
      await seeLanes("confirmed", rows);
      const lanes = sent.events.filter(({ type }) => type === "reserved").length;
      tell({ type: "reserved", lanes, gas: sent.gas });
    } catch {
      // Without a guarantee the lanes go on as before; the next thought tries again.
      await queue.run(() => act({ type: "failed" }));
    }
  }

  /** Thinks of guarantees and of what is left, from time to time. */
  async function tend(): Promise<void> {
    for (;;) {
      await clock.sleep(RESERVE_MS, waits);
      if (book.state !== "open" || book.lanes.size === 0) continue;
      try {
        const lanes = [...book.lanes.values()];
        await seeLanes("chain", lanes);
        const [now, price] = await Promise.all([chain.now(waits), chain.gasPrice(waits)]);
        await queue.run(() => act({ type: "due", now, gas: (RESERVE_GAS * price) as Wei }));
        const seconds = Payer.lasts(book, now);
        if (seconds === undefined || seconds >= LOW_S) low = false;
        else if (!low) {
          low = true;
          tell({ type: "low", free: Payer.free(book), seconds });
        }
      } catch {
        if (closed) return; // else the server is away: thought of again later
      }
    }
  }
  // Ends by the abort in `close`, which is no failure.
  if (key) tend().catch(() => undefined);

  const requireOpen = () => {
    if (closed) throw new PotError({ code: "POT_CLOSED", state: "closed" }, "the pot was closed");
  };

  function highest(lane: Lane): SignedVoucher | undefined {
    const signed = book.lanes.get(Voucher.laneKey(lane))?.signed;
    return signed && voucherOf({ payee: lane.payee, lane: lane.lane }, signed);
  }

  /** By the session key; by the payer's own wallet if that has run dry. */
  async function send(work: (wallet: Wallet) => Promise<Sent>): Promise<Sent> {
    if (!key) {
      if (!payer) throw refusal({ code: "POT_CLOSED", state: record.state });
      return work(payer);
    }
    try {
      return await work(key);
    } catch (error) {
      const dry = error instanceof ChainError && error.code === "CHAIN_INSUFFICIENT";
      if (!dry || !payer) throw error;
      return work(payer);
    }
  }

  async function payLanes(waits: Waits, progress: (p: SettleProgress) => void): Promise<void> {
    const lanes = [...book.lanes.values()].filter((lane) => lane.signed);
    const claimed = await chain.claimed(potId, lanes, waits);
    const due = lanes.flatMap(({ payee, lane, signed }, i) =>
      signed && signed.cumulative > (claimed[i] ?? 0n)
        ? [{ payee, lane, cumulative: signed.cumulative }]
        : [],
    );
    progress({ step: "paying", lanes: due.length });
    for (let at = 0; at < due.length; at += ROWS)
      await send((wallet) => chain.pay(wallet, config, due.slice(at, at + ROWS), waits));
  }

  async function finish(waits: Waits, progress: (p: SettleProgress) => void): Promise<void> {
    let pot = await chain.pot(potId, waits);
    if (!pot.exists && record.raw) {
      await chain.resend(record.raw, waits);
      tell({ type: "depositResent" });
      pot = await chain.pot(potId, waits);
    }
    if (!pot.exists)
      throw new PotError({ code: "POT_NOT_OPENED", potId }, "the chain knows no such pot");
    if (pot.closeAt !== FINALIZED && pot.balance > 0n) await payLanes(waits, progress);
    for (;;) {
      pot = await chain.pot(potId, waits);
      if (pot.closeAt === FINALIZED) break;
      try {
        if (pot.closeAt === 0) {
          await send((wallet) => chain.startClose(wallet, config, waits));
          continue;
        }
        const now = await chain.now(waits);
        if (now >= pot.closeAt) {
          progress({ step: "refunding" });
          await send((wallet) => chain.finalizeClose(wallet, config, waits));
          continue;
        }
        progress({ step: "waiting", until: pot.closeAt, now });
      } catch (error) {
        // Somebody else was first, or the chain's clock is a block behind: look again.
        if (!(error instanceof ChainError && RACED.has(errorName(error)))) throw error;
      }
      await clock.sleep(1000, waits);
    }
    if ((await chain.credit(config.payer, waits)) > 0n) {
      const sent = await send((wallet) => chain.withdraw(wallet, config.payer, waits));
      await keep({ ...record, withdrawn: sent.hash });
    }
  }

  async function account(waits: Waits): Promise<Settlement> {
    const events = await chain.events(potId, BigInt(record.from), waits);
    let deposited = 0n;
    let paid = 0n;
    let refunded = 0n;
    const lanes = new Map<string, Lane & { paidWei: Wei }>();
    const hashes = { open: new Set<Hex>(), claimOrPay: new Set<Hex>(), close: new Set<Hex>() };
    for (const event of events) {
      if (event.type === "deposited") {
        deposited += event.amount;
        hashes.open.add(event.hash);
      } else if (event.type === "claimed") {
        paid += event.paid;
        hashes.claimOrPay.add(event.hash);
        const { payee, lane } = event;
        const name = Voucher.laneKey(event);
        const before = lanes.get(name)?.paidWei ?? 0n;
        lanes.set(name, { payee, lane, paidWei: (before + event.paid) as Wei });
      } else if (event.type === "closing" || event.type === "reopened") {
        hashes.close.add(event.hash);
      } else if (event.type === "final") {
        refunded += event.refund;
        hashes.close.add(event.hash);
      }
    }
    if (deposited !== paid + refunded || deposited === 0n)
      throw new PotError(
        {
          code: "POT_UNBALANCED",
          deposited: deposited as Wei,
          paid: paid as Wei,
          refunded: refunded as Wei,
        },
        `the chain shows ${deposited} wei deposited, ${paid} paid and ${refunded} refunded`,
      );
    if (record.withdrawn) hashes.close.add(record.withdrawn);
    const counted = new Set<Hex>();
    const gasOf = async (set: ReadonlySet<Hex>): Promise<bigint> => {
      let gas = 0n;
      for (const hash of set) {
        if (counted.has(hash)) continue;
        counted.add(hash);
        gas += (await chain.sent(hash, waits))?.gas ?? 0n;
      }
      return gas;
    };
    return {
      chainId: domain.chainId,
      contract: domain.contract,
      potId,
      depositedWei: deposited as Wei,
      paidWei: paid as Wei,
      refundedWei: refunded as Wei,
      lanes: [...lanes.values()],
      gas: {
        open: await gasOf(hashes.open),
        claimOrPay: await gasOf(hashes.claimOrPay),
        close: await gasOf(hashes.close),
      },
    };
  }

  /** The session key's last coins go home, then the key itself goes. */
  async function emptyKey(waits: Waits): Promise<void> {
    if (!key) return;
    await chain.sweep(key, config.payer, waits);
    const { key: _, ...rest } = record;
    await keep(rest);
    key = undefined;
  }

  async function settle(options: {
    signal: AbortSignal;
    progress?: (p: SettleProgress) => void;
  }): Promise<Settlement> {
    requireOpen();
    const { progress = () => {} } = options;
    const waits = { signal: options.signal };
    await queue.run(() => act({ type: "resumed" }));
    await queue.run(() => act({ type: "settle" }));
    if (record.settlement === undefined) {
      await finish(waits, progress);
      await seeLanes("chain", [...book.lanes.values()]);
      const settlement = await account(waits);
      await queue.run(() => act({ type: "finalized" }));
      await keep({ ...record, settlement: settlementRecord(settlement) });
    }
    await emptyKey(waits);
    return readSettlement(record.settlement);
  }

  return {
    potId,
    config,
    domain,
    openGas: BigInt(record.openGas ?? 0),
    balances: () => ({
      deposited: book.deposited,
      signed: Payer.signed(book),
      free: Payer.free(book),
    }),
    pay: async ({ payee, lane }, amount) => {
      requireOpen();
      // Once per lane and start: books that were lost go on from the chain's counter.
      if (held.resumed && !book.lanes.has(Voucher.laneKey({ payee, lane })))
        await seeLanes("chain", [{ payee, lane }]);
      return queue.run(async () => {
        requireOpen();
        const voucher = await act({ type: "owe", lane: { payee, lane }, amount });
        if (!voucher) throw refusal({ code: "POT_CLOSED", state: book.state });
        return voucher;
      });
    },
    highest,
    adopt: (voucher) =>
      queue.run(async () => {
        requireOpen();
        Voucher.checkForm(voucher);
        if (voucher.potId.toLowerCase() !== potId)
          throw new Voucher.VoucherError(
            { code: "VOUCHER_MISDIRECTED", field: "potId" },
            `the voucher is for pot ${voucher.potId}, not ${potId}`,
          );
        await Voucher.verify(domainSeparator, config.signer, voucher);
        const { payee, lane, cumulative, signature } = voucher;
        await act({ type: "shown", lane: { payee, lane }, cumulative, signature });
        return highest(voucher) ?? voucher;
      }),
    async hello({ payee, lane }, cumulative) {
      requireOpen();
      return queue.run(() => act({ type: "told", lane: { payee, lane }, cumulative }));
    },
    ask: (lane) => queue.run(async () => void (await act({ type: "asked", lane }))),
    async topUp(amount, options) {
      requireOpen();
      if (!payer) throw refusal({ code: "POT_CLOSED", state: "without a wallet" });
      if (amount <= 0n || amount > Voucher.MAX_AMOUNT)
        throw refusal({ code: "POT_BAD_AMOUNT", amount });
      const signerGas = 0n as Wei;
      await chain.deposit(payer, config, { amount, signerGas, signal: options.signal });
      await queue.run(() => act({ type: "toppedUp", amount }));
    },
    watch(listener, { signal }) {
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    settle(options) {
      // Two callers wait for the same end; a failure lets the next call begin again.
      settling ??= settle(options).finally(() => {
        settling = undefined;
      });
      return settling;
    },
    resume: async () => {
      await queue.run(() => act({ type: "resumed" }));
    },
    async close() {
      if (closed) return;
      closed = true;
      own.abort();
      listeners.clear();
      await queue.idle();
      release();
    },
  };
}

const RACED: ReadonlySet<string> = new Set([
  "PotClosing",
  "PotNotClosing",
  "PotIsFinal",
  "ChallengeRunning",
]);

function errorName(error: ChainError): string {
  return error.reason.code === "CHAIN_REVERTED" ? error.reason.error : "";
}

function settlementRecord(settlement: Settlement): Json {
  return JSON.parse(
    JSON.stringify(settlement, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
}

function readSettlement(value: Json | undefined): Settlement {
  type Text<T> = T extends bigint ? string : T extends object ? { [K in keyof T]: Text<T[K]> } : T;
  const s = value as unknown as Text<Settlement>;
  const wei = (text: string) => BigInt(text) as Wei;
  return {
    chainId: s.chainId,
    contract: getAddress(s.contract),
    potId: s.potId as Hex,
    depositedWei: wei(s.depositedWei as string),
    paidWei: wei(s.paidWei as string),
    refundedWei: wei(s.refundedWei as string),
    lanes: (s.lanes as readonly { payee: Address; lane: number; paidWei: string }[]).map(
      ({ payee, lane, paidWei }) => ({ payee, lane, paidWei: wei(paidWei) }),
    ),
    gas: {
      open: BigInt(s.gas.open),
      claimOrPay: BigInt(s.gas.claimOrPay),
      close: BigInt(s.gas.close),
    },
  };
}
