import { getAddress } from "viem";
import { describe, expect, test } from "vitest";
import { MAX_CHALLENGE, MIN_CHALLENGE } from "../config.ts";
import { all, known, leastChallenge, of, transactionPage } from "./chains.ts";

describe("the table of chains", () => {
  test.each(all.map((facts) => [facts.name, facts] as const))(
    "%s has a challenge that the contract takes, four hours off local chains",
    (_, facts) => {
      expect(facts.challengeSeconds).toBeGreaterThanOrEqual(
        facts.kind === "local" ? MIN_CHALLENGE : 14_400,
      );
      expect(facts.challengeSeconds).toBeLessThanOrEqual(MAX_CHALLENGE);
    },
  );

  test.each(all.map((facts) => [facts.name, facts] as const))(
    "%s has a gas cap unless it is local, and an address of USDC only with its checksum",
    (_, facts) => {
      if (facts.kind === "local") expect(facts.gasCap).toBeUndefined();
      else expect(facts.gasCap).toBeGreaterThan(0n);
      if (facts.usdc) expect(getAddress(facts.usdc)).toBe(facts.usdc);
    },
  );

  test.each(all.map((facts) => [facts.name, facts] as const))(
    "a worker on %s takes half of the usual challenge, which the contract takes, and no more than the usual",
    (_, { id, kind, challengeSeconds }) => {
      expect(leastChallenge(id)).toBe(kind === "local" ? MIN_CHALLENGE : 7_200);
      expect(leastChallenge(id)).toBeLessThanOrEqual(challengeSeconds);
    },
  );

  test("no two rows are of one chain", () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  test("a chain that nobody knows is treated with care and not refused", () => {
    expect(known(424_242)).toBe(false);
    expect(of(424_242)).toMatchObject({
      name: "chain 424242",
      kind: "plain",
      confirmations: 12,
      challengeSeconds: 14_400,
    });
  });

  test("the page about a transaction is named where the explorer is known", () => {
    expect(transactionPage(of(84_532), "0xab")).toBe("https://sepolia.basescan.org/tx/0xab");
    expect(transactionPage(of(31_337), "0xab")).toBeUndefined();
  });
});
