import { describe, expect, test } from "vitest";
import * as Screen from "./screen.ts";

const token = new Uint8Array(32).fill(7);
const offer = new Uint8Array(16).fill(1);
const made = {
  offer,
  worker: "ann",
  payee: new Uint8Array(20).fill(0xab),
  tags: ["hw", "region:eu"],
  proof: new Uint8Array(0),
};
const purse = `0x${"ab".repeat(20)}`;
const fine: Screen.Findings = { payee: "proven", suspendedFor: 0 };

describe("a bid", () => {
  test.each<[string, Partial<Screen.Policy>, number, Screen.Denial["why"] | undefined]>([
    ["is had by an open stream", {}, 0, undefined],
    ["with the tags is had", { need: ["hw"] }, 0, undefined],
    ["that lacks a tag is not", { need: ["hw", "gpu"] }, 0, "incapable"],
    ["of a listed worker is had", { allow: ["ann"] }, 0, undefined],
    ["of a listed purse is had", { allow: [purse] }, 0, undefined],
    ["of nobody on the list is not", { allow: ["bob"] }, 0, "denied"],
    ["of one that is denied is not, listed or not", { allow: ["ann"], deny: [purse] }, 0, "denied"],
    ["without the crew's token is not", { token }, 0, "private"],
    ["of one that is suspended is not", {}, 5_000, "suspended"],
  ])("%s", (_, policy, suspendedFor, why) => {
    const denial = Screen.bid(made, { ...Screen.open, ...policy }, { ...fine, suspendedFor });
    expect(denial?.why).toBe(why);
    if (why === "suspended") expect(denial?.retryMs).toBe(5_000);
  });

  test("that only names its payee is not let in for a listed one, but kept out for a denied one", () => {
    const named = { ...fine, payee: "named" } as const;
    const why = (policy: Partial<Screen.Policy>) =>
      Screen.bid(made, { ...Screen.open, ...policy }, named)?.why;
    expect(why({ allow: [purse] })).toBe("denied");
    expect(why({ deny: [purse] })).toBe("denied");
    expect(why({ allow: ["ann"] })).toBeUndefined();
    expect(why({})).toBeUndefined();
  });

  test("whose payee has signed for another worker is refused by name, before anything else is looked at", () => {
    const forged = { payee: "forged", suspendedFor: 5_000 } as const;
    expect(Screen.bid(made, { ...Screen.open, deny: ["ann"] }, forged)).toEqual({
      why: "wrong payee proof",
      retryMs: 0,
    });
  });

  test("shows that it knows a crew's token for this offer and this worker only", () => {
    const policy = { ...Screen.open, token };
    const proof = Screen.proof(token, offer, "ann");
    expect(Screen.bid({ ...made, proof }, policy, fine)).toBeUndefined();
    expect(Screen.bid({ ...made, proof, worker: "bob" }, policy, fine)?.why).toBe("private");
    const other = new Uint8Array(16).fill(2);
    expect(Screen.bid({ ...made, proof, offer: other }, policy, fine)?.why).toBe("private");
  });

  test("tells members of a crew which token is meant, and not what it is", () => {
    expect(Screen.crewId(token)).toHaveLength(16);
    expect(Screen.crewId(token)).not.toEqual(Screen.crewId(new Uint8Array(32).fill(8)));
  });
});
