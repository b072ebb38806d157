/** All follow the protocol, and everything else goes wrong. */
import { Chain, memory as memoryStore, openWatchtower } from "@tabcast/channel";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, peerIdOf } from "@tabcast/protocol";
import { Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Anvil, anvil } from "../../../channel/test/anvil.ts";
import { type ChainProxy, chainProxy, times } from "../../../channel/test/chain-proxy.ts";
import { creditOf, laneOf, ledgerOf } from "../../../channel/test/events.ts";
import { replay } from "../../../channel/test/replay.ts";
import { impatient } from "../../../channel/test/stage.ts";
import { keepVouchers } from "../../src/watchtower.ts";
import { BroadcasterTab } from "./broadcaster-tab.ts";
import { type Hired, streamKey } from "./caller.ts";
import { HandClock } from "./clock.ts";
import type { Fate } from "./line.ts";
import { SEGMENT } from "./terms.ts";
import { WorkerTab } from "./worker-tab.ts";

const signal = AbortSignal.timeout(600_000);
const RUNS = process.env.RUNS === undefined ? 12 : replay.numRuns;
const WORKERS = 3;

let net: Anvil;
let line: ChainProxy;
let chains: {
  readonly payer: Chain.Chain;
  readonly workers: Chain.Chain;
  readonly tower: Chain.Chain;
};
beforeAll(async () => {
  net = await anvil();
  line = await chainProxy(net.rpc);
  const at = (rpc: string) => Chain.connect({ domain: net.domain, rpc, signal, clock: impatient });
  chains = {
    payer: await at(net.rpc),
    workers: await at(line.rpc),
    tower: await at(net.rpc),
  };
});
afterAll(async () => {
  await line.close();
  await net.close();
});

type Move =
  | {
      readonly do: "segment";
      readonly worker: number;
      readonly verdict: "ok" | "bad" | "superseded";
      readonly fate: Fate;
    }
  | { readonly do: "release"; readonly at: number }
  | {
      readonly do: "crash";
      readonly worker: number;
      readonly left: number;
      readonly after: boolean;
    }
  | { readonly do: "restart"; readonly left: number; readonly after: boolean }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "claim" | "stream" | "leave" | "outage" | "career"; readonly worker: number }
  | { readonly do: "topUp"; readonly segments: number };

const worker = fc.nat(WORKERS - 1);
const fate = fc.constantFrom<Fate>("pass", "pass", "pass", "hold", "hold", "lose", "twice");
const verdict = fc.constantFrom(
  "ok" as const,
  "ok" as const,
  "ok" as const,
  "ok" as const,
  "bad" as const,
  "superseded" as const,
);
const dying = { left: fc.nat(6), after: fc.boolean() };
const weighted = <T extends Move>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
  weight,
  arbitrary,
});
const does = <T extends string>(name: T) => fc.constant(name);
const moves: fc.Arbitrary<Move> = fc.oneof(
  weighted(12, fc.record({ do: does("segment"), worker, verdict, fate })),
  weighted(3, fc.record({ do: does("release"), at: fc.nat(9) })),
  weighted(1, fc.record({ do: does("crash"), worker, ...dying })),
  weighted(1, fc.record({ do: does("restart"), ...dying })),
  weighted(3, fc.record({ do: does("pass"), seconds: fc.constantFrom(25, 25, 61, 61, 250, 650) })),
  weighted(1, fc.record({ do: does("claim"), worker })),
  weighted(1, fc.record({ do: does("stream"), worker })),
  weighted(1, fc.record({ do: does("outage"), worker })),
  weighted(1, fc.record({ do: does("career"), worker })),
  weighted(1, fc.record({ do: does("leave"), worker })),
  weighted(1, fc.record({ do: does("topUp"), segments: fc.integer({ min: 1, max: 20 }) })),
);

/** What happened in all runs: a test of what never happens proves nothing. */
interface Seen {
  segments: number;
  refused: number;
  deaths: number;
  guarantees: number;
}

/** One stream's life, and what is known of it beside everybody's books. */
class World {
  readonly hand = new HandClock();
  readonly network = memoryNetwork();
  readonly workers: WorkerTab[] = [];
  readonly hired: Hired[][] = [];
  /** Workers with a segment that will not be paid, or a tab that died: their windows may be full for good reason. */
  readonly spoiled = new Set<number>();
  /** What has happened at all. */
  readonly seen: Seen;
  readonly gone = new Set<number>();
  readonly #end = new AbortController();
  #caster: BroadcasterTab | undefined;
  #seq = 0;
  #streams = 0;

  constructor(seen: Seen) {
    this.seen = seen;
  }
  closing: (() => Promise<unknown>)[] = [];

  get caster(): BroadcasterTab {
    if (this.#caster === undefined) throw new Error("the world has not begun");
    return this.#caster;
  }

  async begin(deposit: bigint): Promise<void> {
    const { hand, network } = this;
    const { domain, rpc, accounts } = net;
    const names = new Map<string, `0x${string}`>();
    await this.#openTower();
    for (let nth = 0; nth < WORKERS; nth++) {
      const account = privateKeyToAccount(generatePrivateKey());
      await net.setBalance(account, 10n ** 18n);
      // One that waits for no guarantee, one that soon does, and one that leaves it to the default.
      const caps = [{ softCap: Wei.of(10n ** 24n) }, { softCap: Wei.of(4n * SEGMENT) }, {}];
      const purse = caps[nth] ?? {};
      const tab = await WorkerTab.open({
        network,
        hand,
        domain,
        chain: chains.workers,
        account,
        nth,
        purse,
      });
      names.set(tab.peer, account.address);
      this.workers.push(tab);
      this.hired.push([]);
    }
    this.#caster = await BroadcasterTab.open({
      network,
      hand,
      domain,
      rpc,
      chain: chains.payer,
      payer: accounts[0],
      deposit,
      payeeOf: (peer) => names.get(peer),
    });
    for (let nth = 0; nth < WORKERS; nth++) await this.#hire(nth);
  }

  async #openTower(): Promise<void> {
    const { hand, network } = this;
    const { domain, rpc, accounts } = net;
    const watchtower = await openWatchtower({
      domain,
      rpc,
      chain: hand.watched(chains.tower),
      account: accounts[3],
      store: memoryStore(),
      signal: this.#end.signal,
      clock: hand.money,
    });
    const keys = await Keys.fromSeed(new Uint8Array(32).fill(2));
    const mesh = memory(network, { self: peerIdOf(keys.publicKey) });
    keepVouchers({ mesh, clock: hand.node, signal: this.#end.signal }, { watchtower });
    this.closing.push(
      () => watchtower.close(),
      () => mesh.close(),
    );
  }

  async #hire(nth: number): Promise<void> {
    const { caster } = this;
    const tab = this.workers[nth] as WorkerTab;
    if (!tab.isOpen) return;
    const stream = await streamKey(++this.#streams);
    const hired = await caster.caller.hire(stream, 1, caster.pot, [tab.peer]);
    this.hired[nth]?.push(...hired);
  }

  async act(move: Move): Promise<void> {
    const { caster } = this;
    if (move.do === "segment") await this.#segment(move);
    else if (move.do === "release") caster.line.release(move.at);
    else if (move.do === "crash") this.#doom((this.workers[move.worker] as WorkerTab).fuse, move);
    else if (move.do === "restart") this.#doom(caster.fuse, move);
    else if (move.do === "pass") await this.pass(move.seconds);
    else if (move.do === "topUp")
      await caster.topUp(BigInt(move.segments) * SEGMENT).catch(() => {});
    else if (move.do === "stream") await this.#hire(move.worker);
    else if (move.do === "career") await this.#career(move.worker);
    else await this.#onWorker(move.do, move.worker);
    await this.#reopen();
    await this.invariants();
  }

  #doom(fuse: { left: number; after: boolean }, { left, after }: { left: number; after: boolean }) {
    Object.assign(fuse, { left, after });
  }

  async #onWorker(what: "claim" | "leave" | "outage", nth: number): Promise<void> {
    const tab = this.workers[nth] as WorkerTab;
    if (!tab.isOpen) return;
    if (what === "leave") {
      await tab.leave();
      this.gone.add(nth);
      return;
    }
    if (what === "outage") line.play(times(8, () => "hang up"));
    await this.hand.until(tab.purse.claim({ signal }).catch(() => undefined));
    line.calm();
  }

  async #segment({ worker: nth, verdict, fate }: Extract<Move, { do: "segment" }>): Promise<void> {
    const { caster, hand } = this;
    const tab = this.workers[nth] as WorkerTab;
    const of = this.hired[nth]?.at(-1);
    if (!tab.isOpen || of === undefined) return;
    const seq = ++this.#seq;
    const job = await caster.caller.order(of, seq);
    const whole = this.#isWhole(nth);
    const over = await hand.until(job.over);
    if (over !== "receipt") {
      // A worker that was told of every payment takes the next segment.
      if (whole && !tab.isDead && !caster.isDead) expect(over).toBe("receipt");
      this.seen.refused++;
      return;
    }
    this.seen.segments++;
    expect(job.got).toBe(SEGMENT);
    if (verdict !== "ok") this.spoiled.add(nth);
    if (verdict === "superseded") await caster.caller.cancel(of, seq);
    else await caster.judge(of, seq, SEGMENT, fate, verdict === "ok");
  }

  /** True for the worker that waits for no guarantee, where it holds all that was signed for it and nothing of its work was bad. */
  #isWhole(nth: number): boolean {
    const tab = this.workers[nth] as WorkerTab;
    const of = this.hired[nth]?.at(-1);
    const { pot } = this.caster;
    if (nth !== 0 || of === undefined || this.spoiled.has(nth)) return false;
    const held = tab.purse.highest(pot.potId)?.cumulative ?? 0n;
    return held === (this.caster.owed.get(laneOf(of)) ?? 0n);
  }

  /** A worker lives long enough for a guarantee. */
  async #career(worker: number): Promise<void> {
    for (const seconds of [25, 61, 28]) {
      await this.#segment({ do: "segment", worker, verdict: "ok", fate: "pass" });
      await this.pass(seconds);
    }
  }

  /** Time passes for everybody; nobody looks away for more than half a minute. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 30) {
      await net.warp(Math.min(30, left));
      await this.hand.pass(Math.min(30, left) * 1000);
    }
    await this.hand.settle();
  }

  /** Opens again what died. */
  async #reopen(): Promise<void> {
    if (this.caster.isDead) {
      this.seen.deaths++;
      await this.caster.restart();
      for (const nth of this.workers.keys()) this.spoiled.add(nth);
      for (const nth of this.workers.keys()) await this.#hire(nth);
    }
    for (const [nth, tab] of this.workers.entries()) {
      if (!tab.isDead) continue;
      this.seen.deaths++;
      await tab.crash();
      await tab.start();
      this.spoiled.add(nth);
      await this.#hire(nth);
    }
  }

  /** Nobody ever signs for work that it does not owe. */
  async invariants(): Promise<void> {
    const { caster } = this;
    for (const { payee, lane } of this.hired.flat()) {
      const key = laneOf({ payee, lane });
      const signed = caster.pot.highest({ payee, lane })?.cumulative ?? 0n;
      expect(signed).toBeLessThanOrEqual(caster.owed.get(key) ?? 0n);
      expect(caster.leftFor(key)).toBeLessThanOrEqual(signed);
    }
  }

  /** The connection is whole again, the stream ends, and the books are held against the contract's events. */
  async end(): Promise<void> {
    const { caster, hand } = this;
    for (const tab of [caster, ...this.workers])
      if (!tab.isDead) Object.assign(tab.fuse, { left: Number.MAX_SAFE_INTEGER, after: false });
    await this.#reopen();
    while (caster.line.held.length > 0) {
      caster.line.release(0);
      await hand.settle();
    }
    await this.invariants();
    const { pot } = caster;
    const settlement = await pot.settle({
      signal,
      progress: (p) => {
        if (p.step === "waiting")
          void net.warp(
            Math.max(1, p.until - p.now > 120 ? p.until - p.now - 60 : p.until - p.now),
          );
      },
    });
    const ledger = await ledgerOf(net.rpc, net.domain, pot.potId);
    expect(ledger.deposited).toBe(caster.deposited);
    expect(ledger.paid + ledger.refunded).toBe(ledger.deposited);
    expect(settlement.depositedWei).toBe(ledger.deposited);
    const lanes = new Map(this.hired.flat().map((of) => [laneOf(of), of]));
    for (const [key, { payee, lane }] of lanes) {
      const signed = pot.highest({ payee, lane })?.cumulative ?? 0n;
      expect(ledger.lanes.get(key) ?? 0n).toBe(signed);
      const [owed, sure] = [caster.owed.get(key) ?? 0n, caster.sure.get(key) ?? 0n];
      expect(signed).toBeLessThanOrEqual(owed);
      // What was earned and is not paid is only what the deposit did not have.
      if (signed < sure) expect(ledger.refunded).toBeLessThan(sure - signed);
      expect(await creditOf(net.rpc, net.domain, payee)).toBe(signed);
    }
    // To nobody else but the session key, for gas.
    const others = [...ledger.lanes].filter(([key]) => !lanes.has(key));
    for (const [key] of others) expect(key).toContain(pot.config.signer.toLowerCase());
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("the run is over"));
    for (const tab of this.workers) await tab.crash();
    await this.#caster?.close().catch(() => {});
    for (const one of this.closing) await one();
  }
}

test(`honest parties: each lane ends with its highest voucher, and deposit = paid + refunded, whatever dies, is lost, lapses or leaves, in ${RUNS} runs (SEED=${replay.seed})`, async () => {
  const seen: Seen = { segments: 0, refused: 0, deaths: 0, guarantees: 0 };
  const deposit = fc.integer({ min: 6, max: 40 });
  const story = fc.array(moves, { minLength: 10, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(deposit, story, async (segments, all) => {
      const world = new World(seen);
      try {
        await world.begin(BigInt(segments) * SEGMENT);
        for (const move of all) await world.act(move);
        await world.end();
        seen.guarantees += world.caster.reserved;
      } finally {
        await world.close();
      }
    }),
    { ...replay, numRuns: RUNS },
  );
  if (RUNS >= 10) for (const times of Object.values(seen)) expect(times).toBeGreaterThan(0);
  if (process.env.VERBOSE) console.info(seen);
}, 590_000);
