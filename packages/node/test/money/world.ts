import { Chain, type Hex } from "@tabcast/channel";
import { memoryNetwork } from "@tabcast/mesh";
import { Amount, SerialQueue } from "@tabcast/runtime";
import { toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import { type Anvil, anvil } from "../../../channel/test/anvil.ts";
import { laneOf } from "../../../channel/test/events.ts";
import { BroadcasterTab } from "./broadcaster-tab.ts";
import { type Hired, streamKey } from "./caller.ts";
import { HandClock, quick } from "./clock.ts";
import type { Fate } from "./line.ts";
import { SEGMENT } from "./terms.ts";
import { WatchtowerTab } from "./watchtower-tab.ts";
import { openWay, type Way } from "./way.ts";
import { WorkerTab } from "./worker-tab.ts";

/** Workers of a stream: one that waits for no guarantee, one that soon does, and one that leaves it to the default. */
const CAPS = [{ softCap: Amount.of(10n ** 24n) }, { softCap: Amount.of(4n * SEGMENT) }, {}];
export const WORKERS = CAPS.length;

/** What a unit of gas costs as a rule, wei: so much that nothing but dust is below a claim's cost. */
export const GAS = 10n ** 9n;

/** A chain, whose time passes only as the test says, and the ways to it. */
export interface Ground {
  readonly net: Anvil;
  readonly ways: { readonly workers: Way; readonly watchtowers: readonly Way[] };
  /** The payer's own connection, and the test's. */
  readonly chain: Chain.Chain;
  /** What a unit of gas costs from the next block on, wei. */
  gas: bigint;
  /** Makes a block that is so many seconds later than the last one. */
  warp(seconds: number): Promise<void>;
  /** All is as it was at first, but for the time. */
  calm(): void;
  close(): Promise<void>;
}

export async function openGround(): Promise<Ground> {
  const net = await anvil();
  const { domain, rpc, cheat } = net;
  // A second from block to block, however long a busy machine takes for it.
  await cheat("anvil_setBlockTimestampInterval", 1);
  const signal = AbortSignal.timeout(600_000);
  const ways = { workers: openWay(rpc), watchtowers: [openWay(rpc), openWay(rpc)] };
  const all = [ways.workers, ...ways.watchtowers];
  const warps = new SerialQueue();
  const chain = await Chain.connect({ domain, rpc, signal, clock: quick });
  const ground: Ground = {
    net,
    ways,
    chain,
    gas: GAS,
    warp: (seconds) =>
      warps.run(async () => {
        const head = (await cheat("eth_getBlockByNumber", "latest", false)) as { timestamp: Hex };
        await cheat("anvil_setNextBlockBaseFeePerGas", toHex(ground.gas));
        await cheat("evm_mine", { timestamp: Number(head.timestamp) + seconds });
      }),
    calm() {
      ground.gas = GAS;
      for (const way of all) way.mend();
    },
    async close() {
      for (const way of all) way.close();
      await net.close();
    },
  };
  return ground;
}

/** What happened in all runs: a test of what never happens proves nothing. */
export interface Seen {
  segments: number;
  refused: number;
  deaths: number;
}

/** A broadcaster, its workers and watchtowers, all of them honest, and what is known of them beside their books. */
export class World {
  readonly hand = new HandClock();
  readonly workers: WorkerTab[] = [];
  /** The awards of each worker, the newest last. */
  readonly hired: Hired[][] = [];
  readonly watchtowers: WatchtowerTab[] = [];
  readonly ground: Ground;
  /** Workers with a segment that will not be paid, or a tab that died: their windows may be full for good reason. */
  readonly #spoiled = new Set<number>();
  readonly #seen: Seen;
  readonly #network = memoryNetwork();
  readonly #end = new AbortController();
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

  watchtower(nth: number): WatchtowerTab {
    const tab = this.watchtowers[nth];
    if (tab === undefined) throw new RangeError(`there is no watchtower ${nth}`);
    return tab;
  }

  /** Deposits so much, wei, and has all workers hired; of the watchtowers those that are told are open. */
  async begin(deposit: bigint, watchtowers: readonly boolean[] = [true]): Promise<void> {
    const { hand } = this;
    const { net, ways, chain } = this.ground;
    const { domain, rpc, accounts } = net;
    const network = this.#network;
    const payees = new Map<string, `0x${string}`>();
    for (const [nth, open] of watchtowers.entries()) await this.#addWatchtower(nth, open);
    const workersChain = await this.#connect(ways.workers);
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
  #connect({ rpc }: Way): Promise<Chain.Chain> {
    const { domain } = this.ground.net;
    return Chain.connect({ domain, rpc, signal: this.#end.signal, clock: this.hand.chain });
  }

  async #addWatchtower(nth: number, open: boolean): Promise<void> {
    const { hand } = this;
    const { net, ways } = this.ground;
    const way = ways.watchtowers[nth];
    if (way === undefined) throw new RangeError(`there is no way for a watchtower ${nth}`);
    const account = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(account, 10n ** 18n);
    const common = { network: this.#network, hand, domain: net.domain, account, nth };
    const tab = new WatchtowerTab({ ...common, chain: await this.#connect(way) });
    if (open) await tab.start();
    this.watchtowers.push(tab);
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
      await this.ground.warp(Math.min(30, left));
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
    for (const tab of this.watchtowers) await tab.crash();
  }
}
