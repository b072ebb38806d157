import {
  type Domain,
  type Hex,
  indexedDb,
  openPot,
  openPurse,
  type Purse,
  Wire,
} from "@tabcast/channel";
import { Amount } from "@tabcast/runtime";
import { createWalletClient, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";

export interface ChannelRun {
  /** Milliseconds of each payment: intent on disk, signed, on disk, across the wire's form, verified, on disk, credited. */
  readonly payments: readonly number[];
  /** The payer's part of each, and the worker's. */
  readonly payer: readonly number[];
  readonly worker: readonly number[];
  /** What the worker writes down before, when it delivers. */
  readonly owed: readonly number[];
}

export interface ChannelPage {
  /** A pot and so many workers' purses in books on disk. Resolves when all may begin. */
  prepare(options: {
    rpc: string;
    domain: Domain;
    keys: readonly Hex[];
    lanes: number;
  }): Promise<void>;
  /** Pays every lane in turn, `rounds` times. */
  run(rounds: number): Promise<ChannelRun>;
  /** What one would do without a channel: one transaction each, until it is in a block. Milliseconds each. */
  instead(count: number): Promise<readonly number[]>;
}

const PRICE = Amount.of(16_632_000_000n);
const { signal } = new AbortController();

let hot: (rounds: number) => Promise<ChannelRun>;
let transfer: (count: number) => Promise<readonly number[]>;

const channelPage: ChannelPage = {
  async prepare({ rpc, domain, keys, lanes }) {
    const [payer, worker] = keys.map((key) => privateKeyToAccount(key));
    if (payer === undefined || worker === undefined) throw new RangeError("two keys, please");
    const deposit = Amount.of(10n ** 16n);
    const store = await indexedDb("bench-payer");
    const pot = await openPot({ domain, rpc, payer, deposit, store, signal });
    const books = await indexedDb("bench-workers");
    const purses: Purse[] = [];
    for (let lane = 1; lane <= lanes; lane++) {
      const payee = worker.address;
      const purse = await openPurse({ domain, rpc, payee, lane, store: books, signal });
      await purse.trust(pot.domain, pot.config, { signal });
      purses.push(purse);
    }
    hot = async (rounds) => {
      const run = { payments: [], payer: [], worker: [], owed: [] } as Record<
        keyof ChannelRun,
        number[]
      >;
      for (let round = 0; round < rounds; round++)
        for (const purse of purses) {
          const begun = performance.now();
          await purse.accrue(pot.potId, PRICE);
          const owed = performance.now();
          const voucher = Wire.fromVoucher(await pot.pay(purse, PRICE));
          const sent = performance.now();
          const { credited } = await purse.accept(Wire.toVoucher(voucher, purse.payee));
          const over = performance.now();
          if (credited !== PRICE) throw new Error(`${credited} wei credited, not ${PRICE}`);
          run.payments.push(over - owed);
          run.payer.push(sent - owed);
          run.worker.push(over - sent);
          run.owed.push(owed - begun);
        }
      return run;
    };
    transfer = async (count) => {
      const wallet = createWalletClient({ account: payer, transport: http(rpc) }).extend(
        publicActions,
      );
      const times: number[] = [];
      for (let i = 0; i < count; i++) {
        const begun = performance.now();
        const hash = await wallet.sendTransaction({
          chain: null,
          to: worker.address,
          value: PRICE,
        });
        await wallet.waitForTransactionReceipt({ hash, pollingInterval: 5 });
        times.push(performance.now() - begun);
      }
      return times;
    };
  },
  run: (rounds) => hot(rounds),
  instead: (count) => transfer(count),
};
Object.assign(globalThis, { channelPage });
