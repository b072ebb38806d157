/**
 * Money on virtual time: channel's own books (`Payer.step`, `Payee.step`), a chain that is a few counters, and vouchers
 * whose signature is modelled.
 */
import { hash } from "node:crypto";
import {
  Config,
  type Hex,
  type Lane,
  Payee,
  type PayeeProof,
  PayeeProofError,
  Payer,
  type PayerPot,
  PotError,
  type PotReason,
  type Purse,
  type Settlement,
  type SignedVoucher,
  Voucher,
  VoucherError,
  type VoucherReason,
} from "@tabcast/channel";
import { Amount, type Clock, equalBytes, fromHex, type Random, toHex } from "@tabcast/runtime";

type Address = `0x${string}`;
type Domain = PayerPot["domain"];

/** Milliseconds for a transaction to be in a block: a second or two on the chains meant. */
const BLOCK_MS = 2_000;
/** Seconds to claim. Source: channel. */
const CHALLENGE_S = 3_600;

interface OnChain {
  balance: bigint;
  final: boolean;
  readonly claimed: Map<string, bigint>;
}

const domain: Domain = { chainId: 31_337, contract: "0x5FbDB2315678afecb367f032d93F642f64180aa3" };
const separator = Config.separator(domain);

/** What everybody's money is, and what the contract would have paid. */
export class Ledger {
  readonly pots = new Map<Hex, OnChain>();
  /** Amount that ever came in, was paid to lanes, and went back. */
  deposited = 0n;
  paid = 0n;
  refunded = 0n;
}

const hexOf = (random: Random, bytes: number): Hex => `0x${toHex(random.bytes(bytes))}`;

/** A made-up signature that only whoever signed can have: bound to pot, lane and amount, s low and v 27. */
function signatureOf(signer: Address, { potId, payee, lane, cumulative }: Voucher.Terms): Hex {
  const half = hash("sha256", `${signer} ${potId} ${payee} ${lane} ${cumulative}`.toLowerCase());
  return `0x${half}0${half.slice(1)}1b`;
}

/** A payee's made-up signature for a worker's key: 64 bytes that only our own code keeps from being copied together. */
export function proofOf({ payee, worker }: PayeeProof.Claim): Uint8Array<ArrayBuffer> {
  const half = hash("sha256", `${payee} works as ${toHex(worker)}`.toLowerCase());
  return fromHex(half + half);
}

/** `PayeeProof.verify` for proofs that are made up. */
export async function verifyPayee(
  _: Domain,
  claim: PayeeProof.Claim,
  proof: Uint8Array,
): Promise<void> {
  if (equalBytes(proof, proofOf(claim))) return;
  const { payee } = claim;
  throw new PayeeProofError(
    { code: "PAYEE_PROOF_FORGED", payee, recovered: payee },
    `not signed by ${payee}`,
  );
}

const refusedPot = (reason: PotReason) => new PotError(reason, `the pot refuses: ${reason.code}`);
const refusedVoucher = (reason: VoucherReason) =>
  new VoucherError(reason, `the voucher is refused: ${reason.code}`);

export interface PotOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  /** Amount. */
  readonly deposit: Amount;
  /** False: no voucher ever leaves. */
  readonly pays: boolean;
}

/** Pays in, and gives the pot to pay from. */
export async function openPot(options: PotOptions): Promise<PayerPot> {
  const { ledger, clock, random, deposit, pays } = options;
  const config: PayerPot["config"] = {
    payer: addressOf(random),
    signer: addressOf(random),
    token: "0x0000000000000000000000000000000000000000",
    challengePeriod: CHALLENGE_S,
    salt: hexOf(random, 32),
  };
  const potId = Config.potId(separator, config);
  const onChain: OnChain = { balance: deposit, final: false, claimed: new Map() };
  await clock.sleep(BLOCK_MS);
  ledger.pots.set(potId, onChain);
  ledger.deposited += deposit;
  let book = Payer.opened(deposit);

  function act(event: Payer.Event): SignedVoucher | undefined {
    const [next, effects] = Payer.step(book, event);
    book = next;
    let out: SignedVoucher | undefined;
    for (const effect of effects) {
      if (effect.do === "refuse") throw refusedPot(effect.reason);
      if (effect.do === "sign") {
        const { lane, cumulative } = effect;
        const signature = signatureOf(config.signer, { potId, ...lane, cumulative });
        out = act({ type: "signed", lane, cumulative, signature });
      } else if (effect.do === "send") {
        const { lane, cumulative, signature } = effect;
        out = { potId, ...lane, cumulative, signature };
      }
    }
    return out;
  }

  const highest = (lane: Lane): SignedVoucher | undefined => {
    const signed = book.lanes.get(Voucher.laneKey(lane))?.signed;
    return signed && { potId, payee: lane.payee, lane: lane.lane, ...signed };
  };

  return {
    potId,
    config,
    domain,
    openGas: 0n,
    balances: () => ({
      deposited: book.deposited,
      signed: Payer.signed(book),
      free: Payer.free(book),
      debt: Payer.debts(book),
    }),
    async pay(lane, amount) {
      if (!pays) throw refusedPot({ code: "POT_EMPTY", need: amount, free: Amount.zero });
      const voucher = act({ type: "owe", lane, amount });
      if (voucher === undefined) throw refusedPot({ code: "POT_CLOSED", state: book.state });
      return voucher;
    },
    highest,
    async adopt(voucher) {
      return highest(voucher) ?? voucher;
    },
    async hello(lane, cumulative) {
      return act({ type: "told", lane, cumulative });
    },
    async ask(lane) {
      act({ type: "asked", lane });
    },
    async topUpGas() {}, // gas is not simulated
    async topUp(amount) {
      ledger.deposited += amount;
      onChain.balance += amount;
      act({ type: "toppedUp", amount });
    },
    watch() {}, // guarantees are not modelled, and nothing else is told
    async settle({ signal }): Promise<Settlement> {
      act({ type: "settle" });
      await clock.sleep(BLOCK_MS, { signal });
      const { paid, refunded, lanes } = closePot(book, onChain);
      ledger.paid += paid;
      ledger.refunded += refunded;
      act({ type: "finalized" });
      return {
        ...domain,
        potId,
        deposited: deposit,
        paid: Amount.of(paid),
        refunded: Amount.of(refunded),
        lanes,
        gas: { open: 0n, claimOrPay: 0n, close: 0n },
      };
    },
    async close() {},
  };
}

/** Pays every lane what was signed for it, as far as the deposit goes, and gives the rest back. */
function closePot(book: Payer.Book, onChain: OnChain) {
  let total = 0n;
  const lanes: (Lane & { paid: Amount })[] = [];
  for (const { payee, lane, signed } of book.lanes.values()) {
    if (signed === undefined) continue;
    const key = Voucher.laneKey({ payee, lane });
    const due = signed.cumulative - (onChain.claimed.get(key) ?? 0n);
    const paid = Amount.of(due < onChain.balance ? due : onChain.balance);
    onChain.claimed.set(key, (onChain.claimed.get(key) ?? 0n) + paid);
    onChain.balance -= paid;
    total += paid;
    lanes.push({ payee, lane, paid });
  }
  const refunded = onChain.balance;
  onChain.balance = 0n;
  onChain.final = true;
  return { paid: total, refunded, lanes };
}

/** A worker's purse, with a look at what each pot still owes it. */
export interface SimPurse extends Purse {
  /** Amount delivered and not vouched for, by pot. */
  arrears(): ReadonlyMap<Hex, bigint>;
}

/** Opens a worker's books. */
export function openPurse({
  ledger,
  random,
  named,
  now,
}: {
  readonly ledger: Ledger;
  readonly random: Random;
  /** The payee of a purse that is opened with this chance is named instead of an own one. */
  readonly named?: Random | undefined;
  /** The chain's unix second. */
  readonly now: () => number;
}): SimPurse {
  const own = addressOf(random);
  const payee = named === undefined ? own : addressOf(named);
  const lane = random.below(2 ** 32);
  const signers = new Map<Hex, Address>();
  const books = new Map<Hex, Payee.Book>();

  const bookOf = (potId: Hex): Payee.Book => {
    const book = books.get(potId);
    if (book === undefined) throw refusedVoucher({ code: "VOUCHER_UNTRUSTED_POT", potId });
    return book;
  };

  function act(potId: Hex, event: Payee.Event): Amount {
    const [next, effects] = Payee.step(bookOf(potId), event);
    let credited = Amount.zero;
    for (const effect of effects) {
      if (effect.do === "store") books.set(potId, next);
      else if (effect.do === "credit") credited = effect.credited;
      else if (effect.do === "refuse") throw refusedVoucher(effect.reason);
    }
    return credited;
  }

  /** Tells a book the time: a real purse looks every 30 seconds, this one when it is asked for room. */
  function look(potId: Hex): void {
    const book = books.get(potId);
    if (book !== undefined) act(potId, { type: "chain", ...viewOf(book.balance, now()) });
  }

  return {
    payee,
    lane,
    async trust(_, config) {
      const potId = Config.potId(separator, config);
      const pot = ledger.pots.get(potId);
      if (pot === undefined) throw refusedPot({ code: "POT_NOT_OPENED", potId });
      signers.set(potId, config.signer);
      if (books.has(potId)) act(potId, { type: "chain", ...viewOf(pot.balance, now()) });
      else books.set(potId, Payee.fresh(viewOf(pot.balance, now())));
      return potId;
    },
    accrue: async (potId, amount, segment = amount) =>
      void act(potId, { type: "delivered", amount, segment }),
    async accept(voucher) {
      Voucher.checkForm(voucher);
      const signer = signers.get(voucher.potId);
      if (signer === undefined)
        throw refusedVoucher({ code: "VOUCHER_UNTRUSTED_POT", potId: voucher.potId });
      if (voucher.payee.toLowerCase() !== payee.toLowerCase() || voucher.lane !== lane)
        throw refusedVoucher({ code: "VOUCHER_MISDIRECTED", field: "lane" });
      if (signatureOf(signer, voucher) !== voucher.signature)
        throw refusedVoucher({ code: "VOUCHER_FORGED", signer, recovered: signer });
      const { cumulative, signature } = voucher;
      return {
        credited: act(voucher.potId, { type: "voucher", cumulative, signature, now: now() }),
      };
    },
    highest(potId) {
      const held = books.get(potId)?.highest;
      return held && { potId, payee, lane, ...held };
    },
    outstanding: (potId) => outstanding(books.get(potId)),
    balances: () => balancesOf(books.values()),
    arrears: () =>
      new Map(
        [...books].map(([potId, { accrued, highest }]) => [
          potId,
          accrued - (highest?.cumulative ?? 0n),
        ]),
      ),
    forgive: async (potId, amount) => void act(potId, { type: "forgiven", amount }),
    room(potId, of) {
      look(potId);
      return Payee.room(books.get(potId), of);
    },
    checked: (potId) => books.has(potId),
    ...unclaimed,
  };
}

function balancesOf(books: Iterable<Payee.Book>): ReturnType<Purse["balances"]> {
  let accrued = 0n;
  let vouchered = 0n;
  let open = 0n;
  for (const book of books) {
    open += outstanding(book);
    accrued += book.accrued;
    vouchered += book.highest?.cumulative ?? 0n;
  }
  return {
    accrued: Amount.of(accrued),
    vouchered: Amount.of(vouchered),
    claimed: Amount.zero,
    outstanding: Amount.of(open),
  };
}

/** What a look at the chain shows of a pot at the unix second `now`; nothing is claimed from it before its end. */
const viewOf = (balance: bigint, now: number): Payee.ChainView => ({
  balance: Amount.of(balance),
  reserved: Amount.zero,
  claimed: Amount.zero,
  closeAt: 0,
  ceiling: Amount.zero,
  until: 0,
  now,
});

const outstanding = (book: Payee.Book | undefined): Amount =>
  book === undefined ? Amount.zero : Payee.outstanding(book);

/** What a purse is asked about claims: they come with the end of a stream only. */
const unclaimed = {
  due: () => [],
  // No tower is there to be given any: a scenario's chain never fails.
  held: () => [],
  guaranteed: () => Amount.zero,
  watch() {},
  claim: async () => ({ paid: Amount.zero }),
  secure: async () => {},
  withdraw: async () => ({ withdrawn: Amount.zero }),
  close: async () => {},
} satisfies Partial<Purse>;

const addressOf = (random: Random): Address => hexOf(random, 20);
