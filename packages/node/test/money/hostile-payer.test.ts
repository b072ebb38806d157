/** A payer that says, signs and sends whatever it likes, against a whole worker. */
import { Chain, Config, Payee, type PotConfig, Voucher, Wire } from "@tabcast/channel";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, PROTOCOLS, peerIdOf, Verdict, VerdictReply } from "@tabcast/protocol";
import { Amount, Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { toHex, zeroAddress } from "viem";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Anvil, anvil } from "../../../channel/test/anvil.ts";
import { type ChainProxy, chainProxy } from "../../../channel/test/chain-proxy.ts";
import { laneOf, ledgerOf } from "../../../channel/test/events.ts";
import { ask } from "../../src/exchange.ts";
import { Caller, type Hired, type Ordered, streamKey } from "./caller.ts";
import { HandClock, quick } from "./clock.ts";
import { alone, runsOf } from "./runs.ts";
import { FRAMES, RUNGS, SEGMENT, worth } from "./terms.ts";
import { WorkerTab } from "./worker-tab.ts";

const { runs, limit, options } = runsOf(8);
const signal = AbortSignal.timeout(limit);
/** How much may be owed to the worker without a guarantee, wei. */
const CAP = 3n * SEGMENT;
/** What is left where a claim would cost more, wei: 160,000 gas at 2.5 gwei, which this chain does not reach. */
const CLAIM = 400_000_000_000_000n;
/** Wei of each deposit. */
const DEPOSIT = 60n * SEGMENT;
/** Pots in use at once, and in a run. */
const POTS = 2;
const MOST_POTS = 4;

let net: Anvil;
let line: ChainProxy;
let chains: { readonly payer: Chain.Chain; readonly worker: Chain.Chain };
beforeAll(async () => {
  net = await anvil();
  line = await chainProxy(net.rpc);
  const at = (rpc: string) => Chain.connect({ domain: net.domain, rpc, signal, clock: quick });
  chains = { payer: await at(net.rpc), worker: await at(line.rpc) };
});
afterAll(async () => {
  await line.close();
  await net.close();
});

type Signed =
  | "exact"
  | "part"
  | "dust"
  | "again"
  | "more"
  | "overPot"
  | "forged"
  | "otherPot"
  | "none";
type Move =
  | { readonly do: "hire"; readonly pot: number; readonly window: number }
  | {
      readonly do: "order";
      readonly stream: number;
      readonly rungs: number;
      readonly frames: number;
      readonly beyond: number;
      /** The same segment once more. */
      readonly again: boolean;
    }
  /** Takes what there is: segments of several streams of a pot at once, and then, all of them or not, the same answer to each. */
  | {
      readonly do: "grab";
      readonly pot: number;
      readonly streams: number;
      readonly jobs: number;
      readonly ms: number;
      /** So often in a row. */
      readonly times: number;
      /** Frames that come beyond what the jobs say. */
      readonly beyond: number;
      readonly reply: "stop" | "cancel" | "bad" | "pay" | "forge" | "nothing";
    }
  | { readonly do: "tick"; readonly ms: number }
  | { readonly do: "stop" | "cancel"; readonly job: number }
  | { readonly do: "verdict"; readonly job: number; readonly ok: boolean; readonly signed: Signed }
  | { readonly do: "bye"; readonly stream: number }
  | {
      readonly do: "guarantee";
      readonly pot: number;
      readonly segments: number;
      readonly seconds: number;
    }
  | {
      readonly do: "promise" | "drain" | "startClose" | "cancelClose" | "topUp";
      readonly pot: number;
    }
  /** While the worker cannot look, all is promised to an accomplice, and work is paid by vouchers all the same. */
  | { readonly do: "blind"; readonly pot: number; readonly segments: number }
  /** A guarantee is used up by vouchers, lapses, and all is taken. */
  | { readonly do: "lapse"; readonly pot: number; readonly segments: number }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "reload" }
  /** Segments that are ordered, taken and paid, one after the other, as an honest payer's. */
  | { readonly do: "serve"; readonly stream: number; readonly segments: number };

const any = fc.nat(15);
const pot = fc.nat(POTS - 1);
const its = <T extends string>(...names: T[]) => fc.constantFrom(...names);
const signed = its<Signed>(
  "exact",
  "exact",
  "exact",
  "part",
  "dust",
  "again",
  "more",
  "overPot",
  "forged",
  "otherPot",
  "none",
);
const weighted = <T extends Move>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
  weight,
  arbitrary,
});
const moves: fc.Arbitrary<Move> = fc.oneof(
  weighted(4, fc.record({ do: its("hire"), pot, window: fc.constantFrom(1, 2, 64, 64) })),
  weighted(
    10,
    fc.record({
      do: its("grab"),
      pot,
      streams: fc.integer({ min: 1, max: 3 }),
      jobs: fc.integer({ min: 1, max: 4 }),
      ms: fc.constantFrom(250, 350, 1_200, 1_200, 4_000),
      times: fc.constantFrom(1, 1, 1, 4),
      beyond: fc.constantFrom(0, 0, 0, 5 * FRAMES),
      reply: its("stop", "cancel", "bad", "bad", "pay", "pay", "forge", "nothing"),
    }),
  ),
  weighted(
    3,
    fc.record({
      do: its("order"),
      stream: any,
      rungs: fc.constantFrom(1, 2, 2),
      frames: fc.constantFrom(15, FRAMES, 4 * FRAMES),
      beyond: fc.constantFrom(0, 0, 30, 5 * FRAMES),
      again: fc.boolean(),
    }),
  ),
  weighted(3, fc.record({ do: its("tick"), ms: fc.constantFrom(100, 300, 600, 4_000) })),
  weighted(1, fc.record({ do: its("stop", "cancel"), job: any })),
  weighted(
    6,
    fc.record({
      do: its("verdict"),
      job: any,
      ok: fc.constantFrom(true, true, true, true, true, false),
      signed,
    }),
  ),
  weighted(1, fc.record({ do: its("bye"), stream: any })),
  weighted(
    2,
    fc.record({
      do: its("guarantee"),
      pot,
      segments: fc.integer({ min: 1, max: 20 }),
      seconds: fc.constantFrom(200, 400, 900),
    }),
  ),
  weighted(
    2,
    fc.record({ do: its("promise", "drain", "startClose", "cancelClose", "topUp"), pot }),
  ),
  weighted(
    3,
    fc.record({ do: its("blind", "lapse"), pot, segments: fc.integer({ min: 5, max: 9 }) }),
  ),
  weighted(2, fc.record({ do: its("pass"), seconds: fc.constantFrom(31, 61, 240) })),
  weighted(
    4,
    fc.record({ do: its("serve"), stream: any, segments: fc.integer({ min: 1, max: 6 }) }),
  ),
);
/** Once in a while the worker's page is opened anew, by which it loses count of something. */
const reload: fc.Arbitrary<Move> = fc.record({ do: its("reload") });
/** In every second run all segments are as they were offered, so that the bound is as low as it can be. */
const stories = fc.record({
  alike: fc.boolean(),
  reloads: fc.constantFrom(false, false, false, true),
  moves: fc.array(fc.oneof({ weight: 20, arbitrary: moves }, { weight: 1, arbitrary: reload }), {
    minLength: 25,
    maxLength: 50,
  }),
});

/** A pot of the payer, and what the worker gave for it, as the payer has it: beside all books. */
interface Victimised {
  readonly config: PotConfig;
  readonly signer: PrivateKeyAccount;
  readonly potId: `0x${string}`;
  readonly jobs: Ordered[];
  /** The highest that was signed for the worker and that it said to hold, wei. */
  held: bigint;
  /** What its key has signed for the worker, wei. */
  readonly signed: Set<bigint>;
  /** What a reload may have lost count of, wei. */
  forgotten: bigint;
  /** It has paid ten segments: four may be unpaid, where more are offered. */
  window: bigint;
}

class Attack {
  readonly hand = new HandClock();
  readonly network = memoryNetwork();
  /** All that were opened, and those in use. */
  readonly pots: Victimised[] = [];
  readonly #inUse: Victimised[] = [];
  readonly streams: { readonly of: Hired; readonly pot: Victimised }[] = [];
  readonly #end = new AbortController();
  readonly #seen: Seen;
  #worker: WorkerTab | undefined;
  #mesh: ReturnType<typeof memory> | undefined;
  #caller: Caller | undefined;
  /** What each segment is worth as it was asked for, wei. */
  readonly #whole = new Map<Ordered, bigint>();
  #seq = 0;
  /** The chain's unix second at which the attack began. */
  #began = 0;
  #streamsBegun = 0;

  constructor(seen: Seen) {
    this.#seen = seen;
  }

  get worker(): WorkerTab {
    if (this.#worker === undefined) throw new Error("the attack has not begun");
    return this.#worker;
  }

  get #lane() {
    return { payee: this.worker.account.address, lane: this.worker.purse.lane };
  }

  async begin(): Promise<void> {
    const { hand, network } = this;
    this.#began = await chains.payer.now({ signal });
    const account = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(account, 10n ** 18n);
    const { domain } = net;
    const purse = { softCap: Amount.of(CAP) };
    const options = { network, hand, domain, chain: chains.worker, account, nth: 0, purse };
    this.#worker = await WorkerTab.open(options);
    const keys = await Keys.fromSeed(new Uint8Array(32).fill(1));
    this.#mesh = memory(network, { self: peerIdOf(keys.publicKey) });
    this.#caller = new Caller(this.#mesh, hand, this.#end.signal);
    for (let nth = 0; nth < POTS; nth++) {
      await this.#fund(nth);
      await this.#hire(nth, 64);
    }
  }

  /** Opens a pot in place of one that is spent; false where there were enough. */
  async #fund(nth: number): Promise<boolean> {
    if (this.pots.length === MOST_POTS) return false;
    const pot = await this.#deposit();
    this.pots.push(pot);
    this.#inUse[nth] = pot;
    return true;
  }

  async #deposit(): Promise<Victimised> {
    const signer = privateKeyToAccount(generatePrivateKey());
    const config = {
      payer: net.accounts[0].address,
      signer: signer.address,
      token: zeroAddress,
      challengePeriod: 900,
      salt: toHex(crypto.getRandomValues(new Uint8Array(32))),
    };
    const options = { amount: Amount.of(DEPOSIT), signerGas: Wei.zero, signal };
    await chains.payer.deposit(net.accounts[0], config, options);
    const potId = Config.potId(Config.separator(net.domain), config);
    const counts = { held: 0n, forgotten: 0n, window: 2n };
    return { config, signer, potId, jobs: [], signed: new Set(), ...counts };
  }

  async act(move: Move): Promise<void> {
    const pot = "pot" in move ? (this.#inUse[move.pot] as Victimised) : undefined;
    const job = "job" in move ? this.#jobs[move.job % Math.max(1, this.#jobs.length)] : undefined;
    const stream =
      "stream" in move ? this.streams[move.stream % Math.max(1, this.streams.length)] : undefined;
    if (move.do === "hire") await this.#hire(move.pot, move.window);
    else if (move.do === "order" && stream) await this.#order(stream, move);
    else if (move.do === "grab" && pot)
      for (let count = 0; count < move.times; count++) await this.#grab(pot, move);
    else if (move.do === "blind" && pot) await this.#blind(pot, move.segments);
    else if (move.do === "lapse" && pot) await this.#lapse(pot, move.segments);
    else if (move.do === "serve" && stream) await this.#serve(stream, move.segments);
    else if (move.do === "tick") await this.hand.pass(move.ms);
    else if (move.do === "stop") job?.ordered.stop();
    else if (move.do === "cancel" && job)
      await this.#caller?.cancel(job.ordered.of, job.ordered.seq);
    else if (move.do === "verdict" && job) await this.#verdict(job, move);
    else if (move.do === "bye" && stream) await this.#caller?.bye(stream.of, "late");
    else if (move.do === "pass") await this.pass(move.seconds);
    else if (move.do === "reload") await this.#reload();
    else if (pot) await this.#onChain(pot, move).catch(() => {}); // the contract refuses, or the pot is final
    await this.hand.settle();
    await this.check();
  }

  get #jobs() {
    return this.pots.flatMap((pot) => pot.jobs.map((ordered) => ({ ordered, pot })));
  }

  async #hire(nth: number, window: number): Promise<void> {
    const pot = this.#inUse[nth] as Victimised;
    const stream = await streamKey(++this.#streamsBegun % 100);
    const where = { domain: net.domain, config: pot.config };
    const [of] =
      (await this.#caller?.hire(stream, this.#streamsBegun, where, [this.worker.peer], window)) ??
      [];
    if (of === undefined) {
      if (await this.#fund(nth)) await this.#hire(nth, window);
      return;
    }
    this.streams.unshift({ of, pot });
    this.#seen.hired++;
  }

  async #order(
    { of, pot }: { of: Hired; pot: Victimised },
    { rungs, frames, beyond, again }: Extract<Move, { do: "order" }>,
  ): Promise<void> {
    const seq = again ? Math.max(1, this.#seq) : ++this.#seq;
    const ordered = await this.#caller?.order(of, seq, { rungs, frames, beyond });
    if (ordered === undefined) return;
    pot.jobs.push(ordered);
    const asked = RUNGS.slice(0, rungs);
    this.#whole.set(
      ordered,
      asked.reduce((sum, rung) => sum + worth(rung, frames + beyond), 0n),
    );
    void ordered.over.then((how) => {
      if (how === "receipt") this.#seen.delivered++;
      else if (how === "JOB_UNPAID") this.#seen.unpaid++;
      else if (how === "JOB_GONE")
        this.streams.splice(
          this.streams.findIndex((one) => one.of === of),
          1,
        );
    });
  }

  async #grab(
    pot: Victimised,
    { streams, jobs, ms, beyond, reply }: Extract<Move, { do: "grab" }>,
  ): Promise<void> {
    const before = pot.jobs.length;
    const own = this.streams.filter((stream) => stream.pot === pot).slice(0, streams);
    const whole = { rungs: RUNGS.length, frames: FRAMES, beyond, again: false };
    for (const stream of own)
      for (let count = 0; count < jobs; count++)
        await this.#order(stream, { do: "order", stream: 0, ...whole });
    await this.hand.pass(ms);
    await this.check();
    for (const ordered of pot.jobs.slice(before)) {
      const { of, seq } = ordered;
      if (reply === "stop") ordered.stop();
      else if (reply === "cancel") await this.#caller?.cancel(of, seq);
      else if (reply !== "nothing") {
        const signed = reply === "forge" ? "forged" : "exact";
        await this.#verdict(
          { ordered, pot },
          { do: "verdict", job: 0, ok: reply !== "bad", signed },
        );
      }
    }
  }

  async #blind(pot: Victimised, segments: number): Promise<void> {
    const stream = this.streams.find((one) => one.pot === pot);
    if (stream === undefined) return;
    line.play(() => "hang up");
    await this.#onChain(pot, { do: "promise", pot: 0 }).catch(() => {});
    await this.#serve(stream, segments);
    line.calm();
  }

  async #lapse(pot: Victimised, segments: number): Promise<void> {
    const stream = this.streams.find((one) => one.pot === pot);
    if (stream === undefined) return;
    const guarantee = { do: "guarantee", pot: 0, segments, seconds: 330 } as const;
    await this.#onChain(pot, guarantee).catch(() => {});
    await this.pass(31);
    await this.#serve(stream, segments);
    await this.pass(330);
    await this.#onChain(pot, { do: "drain", pot: 0 }).catch(() => {});
  }

  async #serve(stream: { of: Hired; pot: Victimised }, segments: number): Promise<void> {
    const { pot } = stream;
    for (let count = 0; count < segments; count++) {
      await this.#order(stream, {
        do: "order",
        stream: 0,
        rungs: 2,
        frames: FRAMES,
        beyond: 0,
        again: false,
      });
      const ordered = pot.jobs.at(-1);
      if (ordered === undefined) return;
      await this.hand.until(ordered.over);
      await this.#verdict({ ordered, pot }, { do: "verdict", job: 0, ok: true, signed: "exact" });
      await this.check();
    }
  }

  async #verdict(
    { ordered, pot }: { ordered: Ordered; pot: Victimised },
    { ok, signed }: Extract<Move, { do: "verdict" }>,
  ): Promise<void> {
    const { of, seq } = ordered;
    const voucher = ok ? await this.#sign(pot, signed) : undefined;
    const head = Verdict.encode({
      award: of.award,
      epoch: of.epoch,
      seq,
      ok,
      failed: ok ? [] : ["size"],
      ...(voucher && { voucher: Wire.fromVoucher(voucher) }),
    });
    const mesh = this.#mesh as ReturnType<typeof memory>;
    const told = ask(mesh, of.worker, PROTOCOLS.verdict, head, { signal }).catch(() => undefined);
    const reply = await this.hand.until(told);
    if (reply === undefined) return;
    const { held } = VerdictReply.decode(reply.head);
    if (held === undefined) return;
    const { cumulative, potId } = Wire.toVoucher(held, this.#lane.payee);
    const at = this.pots.find((one) => one.potId === potId);
    if (at?.signed.has(cumulative) && cumulative > at.held) at.held = cumulative;
  }

  /** What comes with a good verdict. */
  async #sign(pot: Victimised, signed: Signed) {
    if (signed === "none") return undefined;
    const given = pot.jobs.reduce((sum, { got }) => sum + got, 0n);
    const more = {
      exact: given,
      part: pot.held + SEGMENT / 2n,
      dust: pot.held + 1n,
      again: pot.held,
    };
    const most = {
      more: given + 5n * SEGMENT,
      overPot: 2n * DEPOSIT,
      forged: given,
      otherPot: given,
    };
    const total = { ...more, ...most }[signed];
    if (total === 0n) return undefined;
    const other = this.pots.find((one) => one !== pot) as Victimised;
    const signer = signed === "forged" ? privateKeyToAccount(generatePrivateKey()) : pot.signer;
    const potId = signed === "otherPot" ? other.potId : pot.potId;
    if (signed !== "forged" && signed !== "otherPot") pot.signed.add(total);
    const terms = { potId, ...this.#lane, cumulative: Amount.of(total) };
    return Voucher.sign(Config.separator(net.domain), signer, terms);
  }

  async #onChain(pot: Victimised, move: Move): Promise<void> {
    const { payer: chain } = chains;
    const [payer] = net.accounts;
    const { config, potId } = pot;
    const accomplice = { payee: net.accounts[2].address, lane: 1 };
    if (move.do === "guarantee") {
      const [of] = await chain.lanes(potId, [this.#lane], { signal });
      const until = (await chain.now({ signal })) + move.seconds;
      const ceiling = Amount.of(pot.held + BigInt(move.segments) * SEGMENT);
      const row = { ...this.#lane, ceiling, until, version: of?.version ?? 0 };
      const { events } = await chain.reserve(payer, config, [row], { signal });
      if (events.some(({ type }) => type === "reserved")) this.#seen.guaranteed++;
    } else if (move.do === "startClose") await chain.startClose(payer, config, { signal });
    else if (move.do === "cancelClose") await chain.cancelClose(payer, config, { signal });
    else if (move.do === "topUp")
      await chain.deposit(payer, config, {
        amount: Amount.of(DEPOSIT),
        signerGas: Wei.zero,
        signal,
      });
    else {
      const rows = [accomplice, this.#lane];
      const { pot: at, lanes, now } = await chain.look(potId, rows, { signal });
      const bound = lanes.map(({ ceiling, claimed }) =>
        ceiling > claimed ? ceiling - claimed : 0n,
      );
      const [taken, [own = 0n, its = 0n]] = [lanes[0]?.claimed ?? 0n, bound];
      // A guarantee that has ended is nobody's, once it is freed.
      const over = its > 0n && (lanes[1]?.until ?? now) < now;
      const free = taken + own + at.balance - at.reserved + (over ? its : 0n);
      const lapsed = over ? [this.#lane] : [];
      if (move.do === "drain") {
        const row = { ...accomplice, cumulative: Amount.of(free) };
        await chain.pay(payer, config, [row], { signal, lapsed });
      } else {
        const [until, version] = [now + 1_500, lanes[0]?.version ?? 0];
        const row = { ...accomplice, ceiling: Amount.of(free), until, version };
        await chain.reserve(payer, config, [row], { signal, lapsed });
      }
    }
  }

  /** Time passes; the worker looks at its pots every `look` seconds. */
  async pass(seconds: number, look = 30): Promise<void> {
    for (let left = seconds; left > 0; left -= look) {
      await net.warp(Math.min(look, left));
      await this.hand.pass(30_000);
    }
  }

  async #reload(): Promise<void> {
    await this.worker.crash();
    // What leaves while a segment is made is in no book yet; of what is in them, half counts no more.
    for (const pot of this.pots) pot.forgotten += this.#unpaid(pot) > 0n ? this.#unpaid(pot) : 0n;
    await this.worker.start();
    for (const nth of this.#inUse.keys()) await this.#hire(nth, 64);
  }

  /** What came from the worker and is not paid by what it holds, wei. */
  #unpaid(pot: Victimised): bigint {
    return pot.jobs.reduce((sum, { got }) => sum + got, 0n) - pot.held;
  }

  /** The window by amount, a tenth of what was paid, and the segments that a lane of this age forgives. */
  #allowed(pot: Victimised, grace: number): bigint {
    if (pot.held >= 10n * SEGMENT) pot.window = 4n;
    // Where larger ones were asked for, and came, the window is of those; of one larger than may be asked for it is that one alone.
    let largest = SEGMENT;
    for (const job of pot.jobs) {
      const whole = this.#whole.get(job) ?? 0n;
      if (job.got > 0n && whole > largest) largest = whole;
    }
    const most = 4n * SEGMENT;
    const each = largest < most ? largest : most;
    const window = (pot.window + BigInt(grace)) * each;
    return (window > largest ? window : largest) + pot.held / 10n + pot.forgotten;
  }

  async check(): Promise<void> {
    const age = (await chains.payer.now({ signal })) - this.#began;
    for (const pot of this.pots)
      expect(this.#unpaid(pot)).toBeLessThanOrEqual(this.#allowed(pot, Payee.graceOf(age)));
  }

  /** The payer takes all that it can, closes its pots, and the worker does what it does. */
  async end(): Promise<void> {
    const { payer: chain } = chains;
    const [payer] = net.accounts;
    await this.hand.pass(5_000);
    await this.check();
    for (const pot of this.pots) {
      await this.#onChain(pot, { do: "drain", pot: 0 }).catch(() => {});
      await chain.startClose(payer, pot.config, { signal }).catch(() => {});
    }
    for (const pot of this.pots) {
      for (;;) {
        const { closeAt } = await chain.pot(pot.potId, { signal });
        const left = closeAt - (await chain.now({ signal }));
        if (left <= 0) break;
        await this.pass(Math.min(360, left), 90);
      }
      await chain.finalizeClose(payer, pot.config, { signal });
      const { lanes } = await ledgerOf(net.rpc, net.domain, pot.potId);
      const paid = lanes.get(laneOf(this.#lane)) ?? 0n;
      const lost = pot.jobs.reduce((sum, { got }) => sum + got, 0n) - paid;
      expect(lost).toBeLessThanOrEqual(
        this.#allowed(pot, Payee.graceOf((await chains.payer.now({ signal })) - this.#began)) +
          CAP +
          CLAIM,
      );
      if (paid > 0n) this.#seen.paid++;
      if (lost > SEGMENT) this.#seen.lost++;
    }
  }

  async close(): Promise<void> {
    line.calm();
    this.#end.abort(new Error("the run is over"));
    await this.#worker?.crash();
    await this.#mesh?.close();
  }
}

/** What happened in all runs. */
interface Seen {
  hired: number;
  delivered: number;
  unpaid: number;
  guaranteed: number;
  paid: number;
  lost: number;
}

test(
  `whatever a payer says, signs and sends, a worker loses at most its window, its cap and a tenth of what it was paid, in ${runs} runs (SEED=${options.seed})`,
  async () => {
    const seen: Seen = { hired: 0, delivered: 0, unpaid: 0, guaranteed: 0, paid: 0, lost: 0 };
    await fc.assert(
      fc.asyncProperty(
        stories,
        alone(async ({ alike, reloads, moves }) => {
          const attack = new Attack(seen);
          try {
            await attack.begin();
            for (const move of moves)
              if ((move.do !== "order" || !alike) && (move.do !== "reload" || reloads))
                await attack.act(move);
            await attack.end();
          } finally {
            await attack.close();
          }
        }),
      ),
      options,
    );
    if (runs >= 40) for (const times of Object.values(seen)) expect(times).toBeGreaterThan(0);
  },
  limit,
);
