import {
  type Chain,
  type Domain,
  type Hex,
  memory as memoryStore,
  type OpenPurseOptions,
  openPurse,
  type Purse,
} from "@tabcast/channel";
import { type MemoryNetwork, type Mesh, memory, type PeerId } from "@tabcast/mesh";
import { Keys, peerIdOf, type Signer } from "@tabcast/protocol";
import { Amount, seededRandom } from "@tabcast/runtime";
import type { LocalAccount } from "viem";
import { type Fuse, mortal } from "../../../channel/test/crash.ts";
import type { WorkerNode } from "../../src/worker/types.ts";
import { work } from "../../src/worker/work.ts";
import type { HandClock } from "./clock.ts";
import { bytesForFrames, PRICE } from "./terms.ts";

export interface WorkerTabOptions {
  readonly network: MemoryNetwork;
  readonly hand: HandClock;
  readonly domain: Domain;
  readonly chain: Chain.Chain;
  /** Paid, and pays for its claims. */
  readonly account: LocalAccount;
  readonly nth: number;
  readonly purse?: Partial<OpenPurseOptions>;
}

/** A worker's tab, all of it but the codecs: it can die at any operation of its store, and be opened again from what it wrote. */
export class WorkerTab {
  readonly peer: PeerId;
  readonly account: LocalAccount;
  /** How many peers it was told keep its highest voucher, by pot. */
  readonly keepers = new Map<Hex, number | undefined>();
  readonly fuse: Fuse = { left: Number.MAX_SAFE_INTEGER, after: false };
  readonly #options: WorkerTabOptions;
  readonly #keys: Signer;
  readonly #store = memoryStore();
  #own = new AbortController();
  #mesh: Mesh | undefined;
  #node: WorkerNode | undefined;
  #purse: Purse | undefined;

  private constructor(options: WorkerTabOptions, keys: Signer) {
    this.#options = options;
    this.#keys = keys;
    this.account = options.account;
    this.peer = peerIdOf(keys.publicKey);
  }

  static async open(options: WorkerTabOptions): Promise<WorkerTab> {
    const tab = new WorkerTab(
      options,
      await Keys.fromSeed(new Uint8Array(32).fill(10 + options.nth)),
    );
    await tab.start();
    return tab;
  }

  get purse(): Purse {
    if (this.#purse === undefined) throw new Error(`worker ${this.#options.nth} is closed`);
    return this.#purse;
  }

  get isOpen(): boolean {
    return this.#purse !== undefined;
  }

  /** True once its store has died under it. */
  get isDead(): boolean {
    return this.isOpen && this.fuse.left < 0;
  }

  /** Opens the tab from what it wrote. */
  async start(): Promise<void> {
    const { network, hand, domain, chain, account, nth } = this.#options;
    Object.assign(this.fuse, { left: Number.MAX_SAFE_INTEGER, after: false });
    this.#own = new AbortController();
    const { signal } = this.#own;
    this.#purse = await openPurse({
      payee: account.address,
      account,
      domain,
      rpc: "",
      chain,
      store: mortal(this.#store.share(), this.fuse),
      signal,
      clock: hand.node,
      random: seededRandom(nth, "lane"),
      ...this.#options.purse,
    });
    this.#mesh = memory(network, { self: this.peer });
    this.#node = work({
      mesh: this.#mesh,
      keys: this.#keys,
      purse: this.#purse,
      transcoder: bytesForFrames(hand.node),
      capabilities: [{ codec: "avc", pixelsPerSecond: 1e10, hardware: "sw" }],
      price: Amount.of(PRICE),
      clock: hand.node,
      random: seededRandom(nth, "node"),
      on: (event) => {
        if (event.type === "delegated") this.keepers.set(event.potId, event.keepers);
      },
      signal,
    });
  }

  /** The tab is gone in this moment; what it wrote stays. */
  async crash(): Promise<void> {
    this.fuse.left = -1;
    this.#own.abort(new Error("the tab is gone"));
    await this.#mesh?.close();
    await this.#purse?.close();
    this.#purse = undefined;
    await this.#options.hand.settle();
  }

  /** The tab is closed by its owner, with a goodbye to all. */
  async leave(): Promise<void> {
    const { hand } = this.#options;
    await hand.until((this.#node?.close() ?? Promise.resolve()).then(() => true));
    await this.crash();
  }
}
