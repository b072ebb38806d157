import {
  type Chain,
  type Domain,
  memory as memoryStore,
  openWatchtower,
  type SignedVoucher,
  type Watchtower,
} from "@tabcast/channel";
import { type MemoryNetwork, type Mesh, memory } from "@tabcast/mesh";
import { Keys, peerIdOf } from "@tabcast/protocol";
import type { LocalAccount } from "viem";
import { laneOf } from "../../../channel/test/events.ts";
import { keepVouchers } from "../../src/watchtower.ts";
import type { HandClock } from "./clock.ts";

export interface WatchtowerTabOptions {
  readonly network: MemoryNetwork;
  readonly hand: HandClock;
  readonly domain: Domain;
  readonly chain: Chain.Chain;
  /** Pays for its claims. */
  readonly account: LocalAccount;
  readonly nth: number;
}

/** A peer that keeps vouchers and does nothing else: it can die, and be opened again from what it wrote. */
export class WatchtowerTab {
  readonly account: LocalAccount;
  /** What it said that it keeps, by lane; the highest, wei. */
  readonly kept = new Map<string, bigint>();
  readonly #options: WatchtowerTabOptions;
  readonly #store = memoryStore();
  #own = new AbortController();
  #mesh: Mesh | undefined;
  #watchtower: Watchtower | undefined;

  constructor(options: WatchtowerTabOptions) {
    this.#options = options;
    this.account = options.account;
  }

  get isOpen(): boolean {
    return this.#watchtower !== undefined;
  }

  /** Opens it from what it wrote. */
  async start(): Promise<void> {
    const { network, hand, domain, chain, account, nth } = this.#options;
    this.#own = new AbortController();
    const { signal } = this.#own;
    const watchtower = await openWatchtower({
      domain,
      rpc: chain.rpc,
      chain,
      account,
      store: this.#store.share(),
      signal,
      clock: hand.node,
      onKept: (voucher: SignedVoucher) => void this.kept.set(laneOf(voucher), voucher.cumulative),
    });
    const keys = await Keys.fromSeed(new Uint8Array(32).fill(200 + nth));
    const mesh = memory(network, { self: peerIdOf(keys.publicKey) });
    keepVouchers({ mesh, clock: hand.node, signal }, { watchtower });
    this.#mesh = mesh;
    this.#watchtower = watchtower;
  }

  /** It is gone in this moment; what it wrote stays. */
  async crash(): Promise<void> {
    this.#own.abort(new Error("the watchtower is gone"));
    await this.#mesh?.close();
    await this.#watchtower?.close();
    this.#watchtower = undefined;
    await this.#options.hand.settle();
  }
}
