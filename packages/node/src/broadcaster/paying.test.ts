import { type Address, type PayerPot, PotError, type PotNews, Wire } from "@tabcast/channel";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, PROTOCOLS, peerIdOf, Verdict, VerdictReply } from "@tabcast/protocol";
import { Amount, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Context } from "../context.ts";
import { answer } from "../exchange.ts";
import type { JobTerms } from "./delivery.ts";
import type { Outcome } from "./outcome.ts";
import { openPaying } from "./paying.ts";

test("a worker that the deposit could not pay hears of its voucher once the pot can", async () => {
  const network = memoryNetwork();
  const peer = async () => peerIdOf((await Keys.generate()).publicKey);
  const [self, worker] = [await peer(), await peer()];
  const stop = new AbortController();
  const { signal } = stop;
  const heard: Verdict[] = [];
  const arrived = Promise.withResolvers<void>();
  answer(memory(network, { self: worker }), PROTOCOLS.verdict, signal, (head) => {
    heard.push(Verdict.decode(head));
    arrived.resolve();
    return VerdictReply.encode({ ok: true, why: "" });
  });
  const voucher = {
    potId: `0x${"11".repeat(32)}`,
    payee: `0x${"aa".repeat(20)}` as Address,
    lane: 7,
    cumulative: 9n as Amount,
    signature: `0x${"11".repeat(64)}1b`,
  } as const;
  let tell: (news: PotNews) => void = () => {};
  const pot = {
    async pay() {
      const reason = { code: "POT_EMPTY", need: 9n as Amount, free: Amount.zero } as const;
      throw new PotError(reason, "the pot has nothing left");
    },
    watch(listener: typeof tell) {
      tell = listener;
    },
  } as unknown as PayerPot;
  const warned: string[] = [];
  const paying = openPaying(
    { mesh: memory(network, { self }), clock: systemClock, signal } as unknown as Context,
    { pot, warn: (what) => () => void warned.push(what) },
  );
  const terms = { ...voucher, worker, award: new Uint8Array(16), epoch: 3 } as unknown as JobTerms;
  const pay = { terms, amount: 9n as Amount, cleared: Promise.resolve(true) };
  const outcome = { by: worker, segment: { seq: 5 }, pay } as unknown as Outcome;
  expect(await paying.pay(outcome)).toBe(0n);
  expect(warned).toEqual([`segment 5 of ${worker} could not be paid yet`]);
  expect(heard).toEqual([]);
  tell({ type: "debtPaid", voucher });
  await arrived.promise;
  expect(heard).toMatchObject([{ ok: true, epoch: 3, seq: 5 }]);
  expect(
    Wire.toVoucher(heard[0]?.voucher as Parameters<typeof Wire.toVoucher>[0], voucher.payee),
  ).toMatchObject({ cumulative: 9n, lane: 7 });
  tell({ type: "debtPaid", voucher }); // told once
  stop.abort();
  expect(heard).toHaveLength(1);
});
