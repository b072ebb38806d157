import vectors from "@tabcast/contracts/vectors.json" with { type: "json" };
import vectors1 from "@tabcast/contracts/vectors-1.json" with { type: "json" };
import type { Amount } from "@tabcast/runtime";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { potId, separator } from "./config.ts";
import type { Address, Hex, PotConfig } from "./types.ts";
import * as Voucher from "./voucher.ts";

describe.each([
  ["1", vectors1],
  ["2", vectors],
] as const)("version %s", (version, { domain: named, key, signer, pots, vouchers }) => {
  const domain = { chainId: named.chainId, contract: named.contract as Address };
  const own = separator(domain, version);
  const viemDomain = {
    name: "TabcastPot",
    version,
    chainId: domain.chainId,
    verifyingContract: domain.contract,
  };

  test.each(pots)("pot id $potId is the contract's and viem's", (vector) => {
    const config = vector as unknown as PotConfig;
    expect(potId(own, config)).toBe(vector.potId);
    const types = {
      PotConfig: [
        { name: "payer", type: "address" },
        { name: "signer", type: "address" },
        { name: "token", type: "address" },
        { name: "challengePeriod", type: "uint40" },
        { name: "salt", type: "bytes32" },
      ],
    } as const;
    expect(
      hashTypedData({ domain: viemDomain, types, primaryType: "PotConfig", message: config }),
    ).toBe(vector.potId);
  });

  test.each(vouchers)("voucher digest $digest is the contract's and viem's", async (vector) => {
    const terms = {
      potId: vector.potId as Hex,
      payee: vector.payee as Address,
      lane: vector.lane,
      cumulative: BigInt(vector.cumulative) as Amount,
    };
    expect(Voucher.digest(own, terms)).toBe(vector.digest);
    const types = {
      Voucher: [
        { name: "potId", type: "bytes32" },
        { name: "payee", type: "address" },
        { name: "lane", type: "uint32" },
        { name: "cumulative", type: "uint96" },
      ],
    } as const;
    const typed = { domain: viemDomain, types, primaryType: "Voucher", message: terms } as const;
    expect(hashTypedData(typed)).toBe(vector.digest);
    const account = privateKeyToAccount(key as Hex);
    const voucher = await Voucher.sign(own, account, terms);
    expect(voucher.signature).toBe(vector.signature);
    expect(await account.signTypedData(typed)).toBe(vector.signature);
    await Voucher.verify(own, signer as Address, voucher);
  });
});

test("a voucher of one version is none of the other", () => {
  const one = separator(vectors1.domain as { chainId: number; contract: Address }, "1");
  const two = separator(vectors.domain as { chainId: number; contract: Address });
  expect(one).not.toBe(two);
});
