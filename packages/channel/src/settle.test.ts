import type { Wei } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../test/anvil.ts";
import { connect } from "./chain.ts";
import { memory } from "./memory.ts";
import { openPot } from "./pot.ts";
import { openPurse } from "./purse.ts";

const wei = (value: bigint) => value as Wei;
const signal = AbortSignal.timeout(60_000);

let net: Anvil;
beforeAll(async () => {
  net = await anvil();
});
afterAll(() => net.close());

describe("a stream's money, on a real chain", () => {
  test("two lanes settle to the wei, and the books say what the chain says", async () => {
    const [payer, one, two] = net.accounts;
    const { rpc, domain } = net;
    const pot = await openPot({
      domain,
      rpc,
      payer,
      deposit: wei(10n ** 15n),
      store: memory(),
      signal,
    });
    const purses = await Promise.all(
      [one, two].map((account) =>
        openPurse({ payee: account.address, account, domain, rpc, store: memory(), signal }),
      ),
    );
    let owed = 0n;
    for (const [i, purse] of purses.entries()) {
      await purse.trust(domain, pot.config, { signal });
      for (const amount of [7n, 3_000_000_000n, 10n ** 14n + 1n].map((n) => n + BigInt(i))) {
        await purse.accrue(pot.potId, wei(amount));
        const voucher = await pot.pay(purse, wei(amount));
        expect(await purse.accept(voucher)).toEqual({ credited: amount });
        owed += amount;
      }
    }
    const steps: string[] = [];
    const settlement = await pot.settle({
      signal,
      progress: (p) => {
        steps.push(p.step);
        if (p.step === "waiting") void net.warp(p.until - p.now);
      },
    });
    expect(settlement.depositedWei).toBe(10n ** 15n);
    expect(settlement.paidWei).toBe(owed);
    expect(settlement.refundedWei).toBe(10n ** 15n - owed);
    expect(settlement.lanes).toHaveLength(2);
    expect([...new Set(steps)]).toEqual(["paying", "waiting", "refunding"]);
    expect(await pot.settle({ signal })).toEqual(settlement);

    const chain = await connect({ domain, rpc, signal });
    expect(await chain.credit(payer.address, { signal })).toBe(0n);
    for (const purse of purses) {
      const before = await chain.balance(purse.payee, { signal });
      expect(await purse.withdraw({ signal })).toMatchObject({
        withdrawn: purse.balances().vouchered,
      });
      expect(await chain.balance(purse.payee, { signal })).toBeLessThan(
        before + purse.balances().vouchered,
      );
      await purse.close();
    }
    await pot.close();
    console.log(settlement.gas);
  });
});
