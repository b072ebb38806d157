import { Chain, memory as memoryStore, openWatchtower, type SignedVoucher } from "@tabcast/channel";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, peerIdOf } from "@tabcast/protocol";
import { Amount } from "@tabcast/runtime";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import { type Anvil, anvil } from "../../../channel/test/anvil.ts";
import { type ChainProxy, chainProxy } from "../../../channel/test/chain-proxy.ts";
import { laneOf } from "../../../channel/test/events.ts";
import { keepVouchers } from "../../src/watchtower.ts";
import { BroadcasterTab } from "./broadcaster-tab.ts";
import { type Hired, streamKey } from "./caller.ts";
import { HandClock, quick } from "./clock.ts";
import type { Fate } from "./line.ts";
import { SEGMENT } from "./terms.ts";
import { WorkerTab } from "./worker-tab.ts";

/** Workers of a stream: one that waits for no guarantee, one that soon does, and one that leaves it to the default. */
const CAPS = [{ softCap: Amount.of(10n ** 24n) }, { softCap: Amount.of(4n * SEGMENT) }, {}];
export const WORKERS = CAPS.length;

/** A chain, and the ways to it; those of workers and of the watchtower have faults where the test plays some. */
export interface Ground {
  readonly net: Anvil;
  readonly lines: { readonly workers: ChainProxy; readonly watchtower: ChainProxy };
  /** The payer's own connection, and the test's. */
  readonly chain: Chain.Chain;
  close(): Promise<void>;
}

export async function openGround(): Promise<Ground> {
  const net = await anvil();
  const lines = { workers: await chainProxy(net.rpc), watchtower: await chainProxy(net.rpc) };
  const { domain, rpc } = net;
  const signal = AbortSignal.timeout(600_000);
  return {
    net,
    lines,
    chain: await Chain.connect({ domain, rpc, signal, clock: quick }),
    async close() {
      await lines.workers.close();
      await lines.watchtower.close();
      await net.close();
    },
  };
}

/** What happened in all runs: a test of what never happens proves nothing. */
export interface Seen {
  segments: number;
  refused: number;
  deaths: number;
}

/** A broadcaster, its workers and a watchtower, all of them honest, and what is known of them beside their books. */
export class World {
  readonly hand = new HandClock();
  readonly workers: WorkerTab[] = [];
  /** The awards of each worker, the newest last. */
  readonly hired: Hired[][] = [];
  /** What the watchtower said that it keeps, by lane; the highest, wei. */
  readonly kept = new Map<string, bigint>();
  readonly ground: Ground;
  /** Workers with a segment that will not be paid, or a tab that died: their windows may be full for good reason. */
  readonly #spoiled = new Set<number>();
  readonly #seen: Seen;
  readonly #network = memoryNetwork();
  readonly #end = new AbortController();
  readonly #closing: (() => Promise<unknown>)[] = [];
  #caster: BroadcasterTab | undefined;
  #seq = 0;
  #streams = 0;

  constructor(ground: Ground, seen: Seen) {
    this.ground = ground;
    this.#seen = seen;
  }

  get caster(): BroadcasterTab {
    if (this.#caster === undefined) throw new Error("the world has not begun");
    return this.#caster;
  }

  /** Each lane that was ever worked on, by its name. */
  get lanes(): ReadonlyMap<string, Hired> {
    return new Map(this.hired.flat().map((of) => [laneOf(of), of]));
  }

  worker(nth: number): WorkerTab {
    const tab = this.workers[nth];
    if (tab === undefined) throw new RangeError(`there is no worker ${nth}`);
    return tab;
  }

  async begin(deposit: bigint): Promise<void> {
    const { hand } = this;
    const { net, lines, chain } = this.ground;
    const { domain, rpc, accounts } = net;
    const network = this.#network;
    const payees = new Map<string, `0x${string}`>();
    await this.#openWatchtower();
    const workersChain = await this.#connect(lines.workers);
    for (const [nth, purse] of CAPS.entries()) {
      const account = privateKeyToAccount(generatePrivateKey());
      await net.setBalance(account, 10n ** 18n);
      const common = { network, hand, domain, account, nth, purse };
      const tab = await WorkerTab.open({ ...common, chain: workersChain });
      payees.set(tab.peer, account.address);
      this.workers.push(tab);
      this.hired.push([]);
    }
    this.#caster = await BroadcasterTab.open({
      network,
      hand,
      domain,
      rpc,
      chain,
      payer: accounts[0],
      deposit,
      payeeOf: (peer) => payees.get(peer),
    });
    for (let nth = 0; nth < WORKERS; nth++) await this.hire(nth);
  }

  /** In the time of this world, so that who waits for a chain that is away waits for time to pass. */
  #connect({ rpc }: ChainProxy): Promise<Chain.Chain> {
    const { domain } = this.ground.net;
    return Chain.connect({ domain, rpc, signal: this.#end.signal, clock: this.hand.chain });
  }

  async #openWatchtower(): Promise<void> {
    const { hand } = this;
    const { net, lines } = this.ground;
    const { signal } = this.#end;
    const watchtower = await openWatchtower({
      domain: net.domain,
      rpc: net.rpc,
      chain: await this.#connect(lines.watchtower),
      account: net.accounts[3],
      store: memoryStore(),
      signal,
      clock: hand.node,
      onKept: (voucher: SignedVoucher) => void this.kept.set(laneOf(voucher), voucher.cumulative),
    });
    const keys = await Keys.fromSeed(new Uint8Array(32).fill(2));
    const mesh = memory(this.#network, { self: peerIdOf(keys.publicKey) });
    keepVouchers({ mesh, clock: hand.node, signal }, { watchtower });
    this.#closing.push(
      () => watchtower.close(),
      () => mesh.close(),
    );
  }

  /** Another stream of the same pot hires a worker, if its tab is open. */
  async hire(nth: number): Promise<void> {
    const { caller, pot } = this.caster;
    const tab = this.worker(nth);
    if (!tab.isOpen) return;
    const stream = await streamKey(++this.#streams % 100);
    this.hired[nth]?.push(...(await caller.hire(stream, 1, pot, [tab.peer])));
  }

  /** A worker makes a segment, and hears what became of it; false where it made none. */
  async segment(nth: number, verdict: "ok" | "bad" | "superseded", fate: Fate): Promise<boolean> {
    const { caster, hand } = this;
    const tab = this.worker(nth);
    const of = this.hired[nth]?.at(-1);
    if (!tab.isOpen || of === undefined) return false;
    const whole = this.#isWhole(nth);
    const seq = ++this.#seq;
    const job = await caster.caller.order(of, seq);
    const over = await hand.until(job.over);
    if (over !== "receipt") {
      // A worker that was told of every payment takes the next segment.
      if (whole && !tab.isDead) expect(over).toBe("receipt");
      this.#seen.refused++;
      return false;
    }
    this.#seen.segments++;
    expect(job.got).toBe(SEGMENT);
    if (verdict !== "ok") this.#spoiled.add(nth);
    if (verdict === "superseded") await caster.caller.cancel(of, seq);
    else await caster.judge(of, seq, SEGMENT, fate, verdict === "ok");
    return true;
  }

  /** True for the worker that waits for no guarantee, where it holds all that is owed to it and nothing of its work was bad. */
  #isWhole(nth: number): boolean {
    const of = this.hired[nth]?.at(-1);
    if (nth !== 0 || of === undefined || this.#spoiled.has(nth)) return false;
    const held = this.worker(nth).purse.highest(this.caster.pot.potId)?.cumulative ?? 0n;
    return held === (this.caster.owed.get(laneOf(of)) ?? 0n);
  }

  /** Time passes for everybody; nobody looks away for more than half a minute. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 30) {
      await this.ground.net.warp(Math.min(30, left));
      await this.hand.pass(Math.min(30, left) * 1000);
    }
    await this.hand.settle();
  }

  /** Opens again what died. */
  async reopen(): Promise<void> {
    if (this.caster.isDead) {
      this.#seen.deaths++;
      await this.caster.restart();
      for (let nth = 0; nth < WORKERS; nth++) {
        this.#spoiled.add(nth);
        await this.hire(nth);
      }
    }
    for (const [nth, tab] of this.workers.entries()) {
      if (!tab.isDead) continue;
      this.#seen.deaths++;
      await tab.crash();
      await tab.start();
      this.#spoiled.add(nth);
      await this.hire(nth);
    }
  }

  /** Nobody ever signs for work that it does not owe, nor hands out what it does not remember. */
  check(): void {
    const { caster } = this;
    for (const [key, of] of this.lanes) {
      const signed = caster.pot.highest(of)?.cumulative ?? 0n;
      expect(signed).toBeLessThanOrEqual(caster.owed.get(key) ?? 0n);
      expect(caster.leftFor(key)).toBeLessThanOrEqual(signed);
    }
  }

  /** Nobody dies any more, and what waits on its way arrives. */
  async heal(): Promise<void> {
    const { caster, hand } = this;
    for (const { fuse } of [caster, ...this.workers])
      if (fuse.left >= 0) Object.assign(fuse, { left: Number.MAX_SAFE_INTEGER, after: false });
    await this.reopen();
    while (caster.line.held.length > 0) {
      caster.line.release(0);
      await hand.settle();
    }
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("the run is over"));
    for (const tab of this.workers) await tab.crash();
    await this.#caster?.close().catch(() => {});
    for (const one of this.#closing) await one();
  }
}
