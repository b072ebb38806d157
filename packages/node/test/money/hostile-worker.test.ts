/** Workers, claimers and strangers that say, sign and send whatever they like, against a whole payer. */
import { Chain, Config, type Lane, type SignedVoucher, Voucher, Wire } from "@tabcast/channel";
import { type Mesh, memory, memoryNetwork, type PeerId } from "@tabcast/mesh";
import { Keys, PROTOCOLS, peerIdOf, Verdict, VerdictReply } from "@tabcast/protocol";
import { Amount } from "@tabcast/runtime";
import fc from "fast-check";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Anvil, anvil } from "../../../channel/test/anvil.ts";
import { claimAsWatchtower, creditOf, laneOf, ledgerOf } from "../../../channel/test/events.ts";
import { answer } from "../../src/exchange.ts";
import { BroadcasterTab } from "./broadcaster-tab.ts";
import type { Hired } from "./caller.ts";
import { HandClock, quick } from "./clock.ts";
import type { Fate } from "./line.ts";
import { alone, runsOf } from "./runs.ts";
import { SEGMENT } from "./terms.ts";

const { runs, limit, options } = runsOf(8);
const signal = AbortSignal.timeout(limit);
const DEPOSIT = 30n * SEGMENT;
/** Lanes of the workers: three that leave a watchtower nothing, and one that leaves it 20 %. */
const LANES = [0, 1, 2 ** 27 - 1, 20 * 2 ** 27 + 5];

let net: Anvil;
let chains: { readonly payer: Chain.Chain; readonly stranger: Chain.Chain };
beforeAll(async () => {
  net = await anvil();
  const at = () => Chain.connect({ domain: net.domain, rpc: net.rpc, signal, clock: quick });
  chains = { payer: await at(), stranger: await at() };
});
afterAll(() => net.close());

/** What a worker shows of itself: the voucher that it got, an older one, and ones that nobody signed for it. */
type Shown =
  | "newest"
  | "oldest"
  | "raised"
  | "forged"
  | "anotherLane"
  | "anotherPot"
  | "version1"
  | "nothing";
type Move =
  | { readonly do: "owe"; readonly worker: number; readonly parts: number; readonly fate: Fate }
  | { readonly do: "reply"; readonly worker: number; readonly shown: Shown; readonly why: string }
  | { readonly do: "adopt"; readonly worker: number; readonly shown: Shown }
  | { readonly do: "hello"; readonly worker: number; readonly segments: number }
  | {
      readonly do: "claim";
      readonly rows: readonly { readonly worker: number; readonly shown: Shown }[];
      readonly tower: boolean;
    }
  | {
      readonly do: "order";
      readonly what: "pay" | "reserve" | "startClose" | "cancelClose" | "finalizeClose";
    }
  | { readonly do: "release"; readonly at: number }
  | { readonly do: "restart"; readonly left: number; readonly after: boolean }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "topUp" };

const worker = fc.nat(LANES.length - 1);
const its = <T extends string>(...names: T[]) => fc.constantFrom(...names);
const shown = its<Shown>(
  "newest",
  "newest",
  "oldest",
  "raised",
  "forged",
  "anotherLane",
  "anotherPot",
  "version1",
  "nothing",
);
const weighted = <T extends Move>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
  weight,
  arbitrary,
});
const moves: fc.Arbitrary<Move> = fc.oneof(
  weighted(
    8,
    fc.record({
      do: its("owe"),
      worker,
      parts: fc.integer({ min: 1, max: 300 }),
      fate: its<Fate>("pass", "pass", "hold", "lose", "twice"),
    }),
  ),
  weighted(
    4,
    fc.record({ do: its("reply"), worker, shown, why: its("", "unguaranteed", "I want more") }),
  ),
  weighted(3, fc.record({ do: its("adopt"), worker, shown })),
  weighted(1, fc.record({ do: its("hello"), worker, segments: fc.nat(10 ** 6) })),
  weighted(
    4,
    fc.record({
      do: its("claim"),
      rows: fc.array(fc.record({ worker, shown }), { minLength: 1, maxLength: 5 }),
      tower: fc.boolean(),
    }),
  ),
  weighted(
    2,
    fc.record({
      do: its("order"),
      what: its("pay", "reserve", "startClose", "cancelClose", "finalizeClose"),
    }),
  ),
  weighted(2, fc.record({ do: its("release"), at: fc.nat(9) })),
  weighted(2, fc.record({ do: its("restart"), left: fc.nat(5), after: fc.boolean() })),
  weighted(2, fc.record({ do: its("pass"), seconds: fc.constantFrom(25, 61, 300) })),
  weighted(1, fc.record({ do: its("topUp") })),
);

/** One hostile worker: it has a wallet, a lane, and an answer to each verdict. */
interface Rogue extends Lane {
  readonly wallet: PrivateKeyAccount;
  readonly hired: Hired;
  readonly mesh: Mesh;
  readonly got: SignedVoucher[];
  reply: { readonly shown: Shown; readonly why: string };
}

class Siege {
  readonly hand = new HandClock();
  readonly network = memoryNetwork();
  readonly rogues: Rogue[] = [];
  readonly #end = new AbortController();
  readonly #seen: Seen;
  #caster: BroadcasterTab | undefined;
  #seq = 0;

  constructor(seen: Seen) {
    this.#seen = seen;
  }

  get caster(): BroadcasterTab {
    if (this.#caster === undefined) throw new Error("the siege has not begun");
    return this.#caster;
  }

  async begin(): Promise<void> {
    const { hand, network } = this;
    const names = new Map<PeerId, `0x${string}`>();
    for (const [nth, lane] of LANES.entries()) {
      const rogue = await this.#rogue(nth, lane);
      names.set(rogue.hired.worker, rogue.payee);
      this.rogues.push(rogue);
    }
    this.#caster = await BroadcasterTab.open({
      network,
      hand,
      domain: net.domain,
      rpc: net.rpc,
      chain: chains.payer,
      payer: net.accounts[0],
      deposit: DEPOSIT,
      payeeOf: (peer) => names.get(peer),
    });
  }

  async #rogue(nth: number, lane: number): Promise<Rogue> {
    const wallet = privateKeyToAccount(generatePrivateKey());
    const keys = await Keys.fromSeed(new Uint8Array(32).fill(10 + nth));
    const mesh = memory(this.network, { self: peerIdOf(keys.publicKey) });
    const payee = wallet.address;
    const award = new Uint8Array(16).fill(nth + 1);
    const hired = { worker: mesh.self, award, epoch: 1, payee, lane };
    const reply = { shown: "newest", why: "" } as const;
    const rogue: Rogue = { wallet, payee, lane, hired, mesh, got: [], reply };
    answer(mesh, PROTOCOLS.verdict, this.#end.signal, async (head) => {
      const { voucher } = Verdict.decode(head);
      if (voucher !== undefined) rogue.got.push(Wire.toVoucher(voucher, payee));
      const { shown, why } = rogue.reply;
      const held = await this.show(rogue, shown);
      return VerdictReply.encode({ ok: false, why, ...(held && { held: Wire.fromVoucher(held) }) });
    });
    return rogue;
  }

  /** A voucher as a rogue would like it to be. */
  async show({ got, payee, lane }: Rogue, shown: Shown): Promise<SignedVoucher | undefined> {
    const { potId } = this.caster.pot;
    const newest = got.at(-1);
    const own = {
      potId,
      payee,
      lane,
      cumulative: Amount.of((newest?.cumulative ?? 0n) + 3n * SEGMENT),
    };
    const domain = Config.separator(net.domain);
    const forger = privateKeyToAccount(generatePrivateKey());
    if (shown === "forged") return Voucher.sign(domain, forger, own);
    if (shown === "version1") return Voucher.sign(Config.separator(net.domain, "1"), forger, own);
    if (newest === undefined || shown === "nothing") return undefined;
    if (shown === "newest") return newest;
    if (shown === "oldest") return got[0];
    if (shown === "raised") return { ...newest, cumulative: own.cumulative };
    if (shown === "anotherLane") {
      const other = this.rogues.find((one) => one.payee !== payee && one.got.length > 0);
      const theirs = other?.got.at(-1);
      return theirs && { ...theirs, payee, lane };
    }
    return { ...newest, potId: `0x${"5a".repeat(32)}` };
  }

  async act(move: Move): Promise<void> {
    const { caster, hand } = this;
    const rogue =
      "worker" in move ? (this.rogues[move.worker] as Rogue) : (this.rogues[0] as Rogue);
    if (move.do === "owe")
      await caster.judge(
        rogue.hired,
        ++this.#seq,
        (SEGMENT * BigInt(move.parts)) / 100n,
        move.fate,
      );
    else if (move.do === "reply") rogue.reply = move;
    else if (move.do === "adopt") await this.#adopt(rogue, move.shown);
    else if (move.do === "hello")
      await caster.pot.hello(rogue, Amount.of(BigInt(move.segments) * SEGMENT)).catch(() => {});
    else if (move.do === "claim") await this.#claim(move);
    else if (move.do === "order") await this.#order(move.what);
    else if (move.do === "release") caster.line.release(move.at);
    else if (move.do === "restart")
      Object.assign(caster.fuse, { left: move.left, after: move.after });
    else if (move.do === "topUp") await caster.topUp(3n * SEGMENT);
    else
      for (let left = move.seconds; left > 0; left -= 30) {
        await net.warp(Math.min(30, left));
        await hand.pass(30_000);
      }
    await hand.settle();
    if (caster.isDead) {
      this.#seen.deaths++;
      await caster.restart();
    }
    await this.check();
  }

  async #adopt(rogue: Rogue, shown: Shown): Promise<void> {
    const voucher = await this.show(rogue, shown);
    if (voucher === undefined) return;
    await this.caster.pot.adopt(voucher).catch(() => this.#seen.refused++);
  }

  async #claim({ rows, tower }: Extract<Move, { do: "claim" }>): Promise<void> {
    const vouchers: SignedVoucher[] = [];
    for (const { worker, shown } of rows) {
      const voucher = await this.show(this.rogues[worker] as Rogue, shown);
      if (voucher !== undefined) vouchers.push(voucher);
    }
    if (vouchers.length === 0) return;
    const { config } = this.caster.pot;
    const [, , stranger] = net.accounts;
    if (tower) await claimAsWatchtower(net, { config, vouchers }, stranger);
    else await chains.stranger.claim(stranger, config, vouchers, { signal });
    this.#seen.claimed++;
  }

  /** What only a payer may order. */
  async #order(what: Extract<Move, { do: "order" }>["what"]): Promise<void> {
    const { stranger: chain } = chains;
    const [, , stranger] = net.accounts;
    const { config } = this.caster.pot;
    const row = { payee: stranger.address, lane: 1 };
    const until = (await chain.now({ signal })) + 600;
    const reservation = { ...row, ceiling: Amount.of(SEGMENT), until, version: 0 };
    const ordered = {
      pay: () =>
        chain.pay(stranger, config, [{ ...row, cumulative: Amount.of(SEGMENT) }], { signal }),
      reserve: () => chain.reserve(stranger, config, [reservation], { signal }),
      startClose: () => chain.startClose(stranger, config, { signal }),
      cancelClose: () => chain.cancelClose(stranger, config, { signal }),
      finalizeClose: () => chain.finalizeClose(stranger, config, { signal }),
    };
    await expect(ordered[what]()).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
  }

  /** Nothing is signed that is not owed, and nothing is paid that was not signed. */
  async check(): Promise<void> {
    const { caster } = this;
    const { pot } = caster;
    const ledger = await ledgerOf(net.rpc, net.domain, pot.potId);
    for (const rogue of this.rogues) {
      const key = laneOf(rogue);
      const signed = pot.highest(rogue)?.cumulative ?? 0n;
      expect(signed).toBeLessThanOrEqual(caster.owed.get(key) ?? 0n);
      for (const { cumulative } of rogue.got) expect(cumulative).toBeLessThanOrEqual(signed);
      expect(ledger.lanes.get(key) ?? 0n).toBeLessThanOrEqual(signed);
    }
    expect(pot.balances().signed).toBeLessThanOrEqual(caster.deposited + caster.maybeDeposited);
  }

  async end(): Promise<void> {
    const { caster, hand } = this;
    Object.assign(caster.fuse, { left: Number.MAX_SAFE_INTEGER, after: false });
    const { pot } = caster;
    const rows = this.rogues.flatMap((_, worker) => [
      { worker, shown: "newest" as const },
      { worker, shown: "raised" as const },
    ]);
    let tried: Promise<void> | undefined;
    await pot.settle({
      signal,
      progress: (p) => {
        if (p.step !== "waiting") return;
        const left = p.until - p.now;
        if (left > 300) return void net.warp(left - 300);
        // In the second half of the challenge strangers may be paid for what they bring.
        const over = () => net.warp(left);
        if (tried !== undefined) return void over();
        tried = this.#claim({ do: "claim", rows, tower: true }).finally(over);
      },
    });
    await tried;
    await hand.settle();
    const ledger = await ledgerOf(net.rpc, net.domain, pot.potId);
    const lanes = new Map(this.rogues.map((rogue) => [laneOf(rogue), rogue]));
    expect(ledger.deposited).toBeGreaterThanOrEqual(caster.deposited);
    expect(ledger.deposited).toBeLessThanOrEqual(caster.deposited + caster.maybeDeposited);
    expect(ledger.paid + ledger.refunded).toBe(ledger.deposited);
    for (const [key, rogue] of lanes) {
      const signed = pot.highest(rogue)?.cumulative ?? 0n;
      expect(ledger.lanes.get(key) ?? 0n).toBe(signed);
      expect(signed).toBeLessThanOrEqual(caster.owed.get(key) ?? 0n);
      const credit = await creditOf(net.rpc, net.domain, rogue.payee);
      expect(credit).toBeLessThanOrEqual(signed);
    }
    for (const key of ledger.lanes.keys())
      if (!lanes.has(key)) expect(key).toContain(pot.config.signer.toLowerCase());
    this.#seen.paid += ledger.paid > 0n ? 1 : 0;
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("the run is over"));
    await this.#caster?.close().catch(() => {});
    for (const { mesh } of this.rogues) await mesh.close();
  }
}

/** What happened in all runs. */
interface Seen {
  refused: number;
  claimed: number;
  deaths: number;
  paid: number;
}

test(
  `whatever workers and strangers show and send, a payer signs no more than it owes and pays no more than it signed, in ${runs} runs (SEED=${options.seed})`,
  async () => {
    const seen: Seen = { refused: 0, claimed: 0, deaths: 0, paid: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(moves, { minLength: 15, maxLength: 40 }),
        alone(async (all) => {
          const siege = new Siege(seen);
          try {
            await siege.begin();
            for (const move of all) await siege.act(move);
            await siege.end();
          } finally {
            await siege.close();
          }
        }),
      ),
      options,
    );
    if (runs >= 40) for (const times of Object.values(seen)) expect(times).toBeGreaterThan(0);
  },
  limit,
);
