import type { Amount } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../../test/replay.ts";
import { FINALIZED } from "../final.ts";
import * as Payer from "../payer/payer.ts";
import type { Address, Hex, Lane } from "../types.ts";
import { laneKey } from "../voucher.ts";
import * as Payee from "./payee.ts";

const wei = (value: bigint | number) => BigInt(value) as Amount;
const sig = (n: bigint | number) => `0x${n.toString(16).padStart(130, "0")}` as Hex;
const NOW = 1_790_000_000;
const unreserved = { reserved: wei(0), ceiling: wei(0), until: 0, now: NOW };
const CLOSE_AT = 1_800_000_000;

/** 50 delivered; 20 vouchered and 10 claimed unless nothing was paid yet; 60 guaranteed for ten minutes where reserved. */
function sample(state: Payee.State): Payee.Book {
  const final = state === "settled" || state === "lost";
  return {
    accrued: wei(50),
    ...(state !== "trusted" && { highest: { cumulative: wei(20), signature: sig(20) } }),
    claimed: wei({ trusted: 0, settled: 20, soft: 10, reserved: 10, closing: 10, lost: 10 }[state]),
    balance: wei(final ? 0 : 90),
    closeAt: state === "closing" ? CLOSE_AT : final ? FINALIZED : 0,
    reserved: wei(state === "reserved" ? 50 : 0),
    ceiling: wei(state === "reserved" ? 60 : 0),
    until: state === "reserved" ? NOW + 600 : 0,
    credited: wei(state === "trusted" ? 0 : 20),
    unpaid: wei(state === "trusted" ? 50 : 30),
    forgiven: wei(0),
    taken: (state === "trusted" ? 5n : 3n) * 10n ** 12n,
    grace: 0,
    before: wei(0),
  };
}

const voucher = (cumulative: number): Payee.Event => ({
  type: "voucher",
  cumulative: wei(cumulative),
  signature: sig(cumulative),
  now: NOW,
});
/** 90 in the pot, of which nothing is promised to others than us. */
function refreshed(more: Partial<Payee.ChainView> = {}): Payee.Event {
  const { claimed = wei(10), ceiling = wei(0) } = more;
  return {
    type: "chain",
    balance: wei(90),
    reserved: wei(ceiling > claimed ? ceiling - claimed : 0),
    claimed,
    closeAt: 0,
    ceiling,
    until: 0,
    now: NOW,
    ...more,
  };
}
const chain = (closeAt: number, claimed = 10, balance = 90): Payee.Event =>
  refreshed({ closeAt, claimed: wei(claimed), balance: wei(balance) });
const events = {
  delivered: { type: "delivered", amount: wei(5) },
  higher: voucher(30),
  same: voucher(20),
  lower: voucher(19),
  dust: voucher(21),
  unguaranteed: voucher(41),
  overPot: voucher(101),
  opens: refreshed(),
  guarantees: refreshed({ ceiling: wei(60), until: NOW + 600 }),
  lapses: refreshed({ ceiling: wei(60), until: NOW + 100 }),
  pays: refreshed({ claimed: wei(20), balance: wei(80) }),
  closes: refreshed({ closeAt: CLOSE_AT }),
  ends: refreshed({ closeAt: FINALIZED, balance: wei(0) }),
} satisfies Record<string, Payee.Event>;
const tableRules = { softCap: wei(30), minDelta: wei(2) };

const does = (effects: readonly Payee.Effect[]) =>
  effects.map((effect) => (effect.do === "refuse" ? effect.reason.code : effect.do));
// A missing cell does not compile.
const table = {
  trusted: {
    delivered: ["trusted", ["store"]],
    higher: ["soft", ["store", "credit"]],
    same: ["soft", ["store", "credit"]],
    lower: ["soft", ["store", "credit"]],
    dust: ["soft", ["store", "credit"]],
    unguaranteed: ["soft", ["store", "VOUCHER_UNGUARANTEED", "ask", "claim"]],
    overPot: ["trusted", ["VOUCHER_OVER_POT"]],
    opens: ["trusted", ["store"]],
    guarantees: ["reserved", ["store"]],
    lapses: ["reserved", ["store"]],
    pays: ["trusted", ["store"]],
    closes: ["closing", ["store"]],
    ends: ["settled", ["store"]],
  },
  soft: {
    delivered: ["soft", ["store"]],
    higher: ["soft", ["store", "credit"]],
    same: ["soft", ["credit"]],
    lower: ["soft", ["VOUCHER_STALE"]],
    dust: ["soft", ["VOUCHER_DUST"]],
    unguaranteed: ["soft", ["store", "VOUCHER_UNGUARANTEED", "ask", "claim"]],
    overPot: ["soft", ["VOUCHER_OVER_POT"]],
    opens: ["soft", []],
    guarantees: ["reserved", ["store"]],
    lapses: ["reserved", ["store", "claim"]],
    pays: ["soft", ["store"]],
    closes: ["closing", ["store", "claim"]],
    ends: ["lost", ["store"]],
  },
  reserved: {
    delivered: ["reserved", ["store"]],
    higher: ["reserved", ["store", "credit"]],
    same: ["reserved", ["credit"]],
    lower: ["reserved", ["VOUCHER_STALE"]],
    dust: ["reserved", ["VOUCHER_DUST"]],
    unguaranteed: ["reserved", ["store", "credit"]],
    overPot: ["reserved", ["VOUCHER_OVER_POT"]],
    opens: ["soft", ["store"]],
    guarantees: ["reserved", []],
    lapses: ["reserved", ["store", "claim"]],
    pays: ["soft", ["store"]],
    closes: ["closing", ["store", "claim"]],
    ends: ["lost", ["store"]],
  },
  closing: {
    delivered: ["closing", ["store"]],
    higher: ["closing", ["store", "VOUCHER_POT_CLOSING", "claim"]],
    same: ["closing", ["credit"]],
    lower: ["closing", ["VOUCHER_STALE"]],
    dust: ["closing", ["VOUCHER_DUST"]],
    unguaranteed: ["closing", ["store", "VOUCHER_POT_CLOSING", "claim"]],
    overPot: ["closing", ["VOUCHER_OVER_POT"]],
    opens: ["soft", ["store"]],
    guarantees: ["reserved", ["store"]],
    lapses: ["reserved", ["store", "claim"]],
    pays: ["soft", ["store"]],
    closes: ["closing", ["claim"]],
    ends: ["lost", ["store"]],
  },
  settled: {
    delivered: ["settled", ["store"]],
    higher: ["settled", ["VOUCHER_POT_FINAL"]],
    same: ["settled", ["credit"]],
    lower: ["settled", ["VOUCHER_STALE"]],
    dust: ["settled", ["VOUCHER_DUST"]],
    unguaranteed: ["settled", ["VOUCHER_POT_FINAL"]],
    overPot: ["settled", ["VOUCHER_POT_FINAL"]],
    opens: ["settled", ["store"]],
    guarantees: ["settled", ["store"]],
    lapses: ["settled", ["store"]],
    pays: ["settled", ["store"]],
    closes: ["settled", ["store"]],
    ends: ["settled", ["store"]],
  },
  lost: {
    delivered: ["lost", ["store"]],
    higher: ["lost", ["VOUCHER_POT_FINAL"]],
    same: ["lost", ["credit"]],
    lower: ["lost", ["VOUCHER_STALE"]],
    dust: ["lost", ["VOUCHER_DUST"]],
    unguaranteed: ["lost", ["VOUCHER_POT_FINAL"]],
    overPot: ["lost", ["VOUCHER_POT_FINAL"]],
    opens: ["lost", ["store"]],
    guarantees: ["lost", ["store"]],
    lapses: ["lost", ["store"]],
    pays: ["settled", ["store"]],
    closes: ["lost", ["store"]],
    ends: ["lost", []],
  },
} satisfies Record<
  Payee.State,
  Record<keyof typeof events, readonly [Payee.State, readonly string[]]>
>;

describe("every state with every event", () => {
  for (const [from, row] of Object.entries(table))
    for (const [name, [to, effects]] of Object.entries(row))
      test(`${from} + ${name} -> ${to}, ${effects.join(" then ") || "nothing to do"}`, () => {
        const book = sample(from as Payee.State);
        expect(Payee.state(book, NOW)).toBe(from);
        const [next, done] = Payee.step(book, events[name as keyof typeof events], tableRules);
        expect(Payee.state(next, NOW)).toBe(to);
        expect(does(done)).toEqual(effects);
      });
});

describe("what a payee relies on", () => {
  test("a payee takes less paid than before for a late server twice, and for a reorganised chain the third time", () => {
    let book = { ...sample("closing"), claimed: wei(20) };
    for (const refreshes of [1, 2]) {
      const [next, effects] = Payee.step(book, chain(CLOSE_AT, 5, 95));
      expect(does(effects)).toEqual(["store"]);
      expect(next).toMatchObject({ claimed: 20n, doubts: refreshes });
      book = next;
    }
    const [back, effects] = Payee.step(book, chain(CLOSE_AT, 5, 95));
    expect(does(effects)).toEqual(["store", "reorg", "claim"]);
    expect(back).toMatchObject({ claimed: 5n, highest: book.highest });
    expect(Payee.claimable(back)).toBe(15n);
    // One refresh that agrees ends the doubt.
    expect(Payee.step(book, chain(CLOSE_AT, 20, 80))[0].doubts).toBeUndefined();
  });

  test("a guarantee counts only until the claim margin before its end", () => {
    const book = { ...sample("reserved"), highest: { cumulative: wei(50), signature: sig(50) } };
    expect(Payee.exposed(book, NOW)).toBe(0n);
    expect(Payee.exposed(book, NOW + 420)).toBe(0n);
    expect(Payee.exposed(book, NOW + 421)).toBe(40n);
    expect(Payee.exposed(book, NOW + 421, { claimMargin: 0 })).toBe(0n);
  });

  test("a payee brings its voucher to the chain on every look while the pot closes, not on the first alone", () => {
    let book = sample("soft");
    for (let looks = 0; looks < 30; looks++) {
      const now = NOW + looks * 30;
      const [next, effects] = Payee.step(book, refreshed({ closeAt: NOW + 900, now }));
      expect(effects.at(-1)).toEqual({ do: "claim", why: "closing" });
      expect(Payee.dueSoon(next, now)).toEqual({ amount: 10n, before: NOW + 900 });
      book = next;
    }
    // While gas costs more than what is held nothing is sent, and when it is cheap again it is.
    const dear = { claimCost: wei(10) };
    expect(does(Payee.step(book, refreshed({ closeAt: NOW + 900 }), dear)[1])).toEqual([]);
    expect(Payee.dueSoon(book, NOW, dear)).toBeUndefined();
    const cheap = { claimCost: wei(9) };
    expect(does(Payee.step(book, refreshed({ closeAt: NOW + 900 }), cheap)[1])).toEqual(["claim"]);
  });

  test("a payee can claim what the pot has not promised to others, its own guarantee included", () => {
    const held = { ...sample("soft"), highest: { cumulative: wei(80), signature: sig(80) } };
    expect(Payee.claimable(held)).toBe(70n);
    expect(Payee.claimable({ ...held, reserved: wei(60) })).toBe(30n);
    expect(Payee.claimable({ ...held, reserved: wei(90) })).toBe(0n);
    // 60 are reserved, 50 of them for us: a claim draws on them, or frees them where they have lapsed.
    const own = { ...held, reserved: wei(60), ceiling: wei(60) };
    expect(Payee.claimable({ ...own, until: NOW + 600 })).toBe(70n);
    expect(Payee.claimable({ ...own, reserved: wei(90), until: NOW + 600 })).toBe(50n);
    expect(Payee.claimable({ ...own, reserved: wei(90), until: NOW - 1 })).toBe(50n);
  });

  test("a payee keeps a voucher that the pot has promised to others, and gives no credit until the chain would pay it", () => {
    const [full] = Payee.step(sample("soft"), refreshed({ reserved: wei(80) }));
    const [kept, effects] = Payee.step(full, voucher(30));
    expect(effects[1]).toEqual({
      do: "refuse",
      reason: { code: "VOUCHER_UNGUARANTEED", exposed: 20n, softCap: 0n, unpayable: 10n },
    });
    expect(does(effects)).toEqual(["store", "VOUCHER_UNGUARANTEED", "ask"]);
    const [tight] = Payee.step(sample("soft"), refreshed({ reserved: wei(71) }));
    expect(Payee.step(tight, voucher(30))[1][1]).toMatchObject({ reason: { unpayable: 1n } });
    // Where the pot would pay, only the guarantee is missing.
    expect(Payee.step(sample("soft"), voucher(41), tableRules)[1][1]).toEqual({
      do: "refuse",
      reason: { code: "VOUCHER_UNGUARANTEED", exposed: 31n, softCap: 30n },
    });
    expect(kept).toMatchObject({ highest: { cumulative: 30n }, credited: 20n });
    const [, freed] = Payee.step(kept, refreshed({ reserved: wei(70) }));
    expect(freed).toContainEqual({ do: "credit", credited: 10n });
  });

  test("the soft cap is five segments' pay, and never less than twenty claims cost", () => {
    expect(Payee.softCapOf({})).toBeUndefined();
    expect(Payee.softCapOf({ segmentPay: wei(6) })).toBe(30n);
    expect(Payee.softCapOf({ segmentPay: wei(1) })).toBe(5n);
    expect(Payee.softCapOf({ segmentPay: wei(6), claimCost: wei(1) })).toBe(30n);
    expect(Payee.softCapOf({ segmentPay: wei(6), claimCost: wei(2) })).toBe(40n);
    expect(Payee.softCapOf({ segmentPay: wei(6), claimCost: wei(2), softCap: wei(1) })).toBe(1n);
    const rules = { segmentPay: wei(6) };
    expect(does(Payee.step(sample("soft"), voucher(40), rules)[1])).toEqual(["store", "credit"]);
    expect(does(Payee.step(sample("soft"), voucher(41), rules)[1])).toContain(
      "VOUCHER_UNGUARANTEED",
    );
  });

  test("a payee claims of its own accord at twenty times the gas, and at twice the gas five minutes after the last voucher", () => {
    const held = (at: number) => ({
      ...sample("soft"),
      highest: { cumulative: wei(50), signature: sig(50), at },
    });
    const urge = (at: number, cost: number) => Payee.urge(held(at), NOW, { claimCost: wei(cost) });
    expect(urge(NOW, 2)).toBe("worth");
    expect(urge(NOW, 3)).toBeUndefined();
    expect(urge(NOW - 299, 3)).toBeUndefined();
    expect(urge(NOW - 300, 3)).toBe("quiet");
    expect(urge(NOW - 300, 20)).toBe("quiet");
    expect(urge(NOW - 300, 21)).toBeUndefined();
    expect(Payee.worthBeforeFreezing(held(NOW), { claimCost: wei(4) })).toBe(true);
    expect(Payee.worthBeforeFreezing(held(NOW), { claimCost: wei(5) })).toBe(false);
    expect(Payee.worthBeforeFreezing(held(NOW), {})).toBe(false);
    // Where gas is free, what holds nothing is worth no claim all the same.
    const free = { claimCost: wei(0) };
    expect(Payee.worthBeforeFreezing(held(NOW), free)).toBe(true);
    expect(Payee.worthBeforeFreezing(sample("trusted"), free)).toBe(false);
  });

  test("a single wei is held, guaranteed, exposed and claimed like any other", () => {
    const one = { highest: { cumulative: wei(11), signature: sig(11) } };
    const soft = { ...sample("soft"), ...one };
    expect(Payee.state({ ...soft, highest: { cumulative: wei(1), signature: sig(1) } }, NOW)).toBe(
      "soft",
    );
    expect(Payee.exposed(soft, NOW)).toBe(1n);
    expect(Payee.claimable(soft)).toBe(1n);
    expect(Payee.claimable({ ...soft, balance: wei(0) })).toBe(0n);
    expect(Payee.claimable(sample("trusted"))).toBe(0n);
    expect(Payee.outstanding(soft)).toBe(1n);
    expect(Payee.urge({ ...soft, closeAt: NOW + 9 }, NOW)).toBe("closing");
    const guaranteed = { ...soft, ceiling: wei(11), until: NOW };
    expect(Payee.guaranteed(guaranteed, NOW)).toBe(1n);
    expect(Payee.guaranteed(guaranteed, NOW + 1)).toBe(0n);
    expect(Payee.guaranteed({ ...guaranteed, ceiling: wei(10) }, NOW)).toBe(0n);
    expect(Payee.guaranteed({ ...guaranteed, ceiling: wei(9) }, NOW)).toBe(0n);
    expect(Payee.state(guaranteed, NOW)).toBe("reserved");
    expect(Payee.state({ ...sample("lost"), ...one }, NOW)).toBe("lost");
  });

  test("a lane that holds no voucher has nothing exposed, outstanding or lost", () => {
    const { highest: _, ...none } = { ...sample("soft"), claimed: wei(0) };
    expect(Payee.exposed(none, NOW)).toBe(0n);
    expect(Payee.outstanding(none)).toBe(0n);
    expect(Payee.state({ ...none, closeAt: FINALIZED }, NOW)).toBe("settled");
    expect(Payee.outstanding(sample("soft"))).toBe(10n);
    expect(Payee.outstanding({ ...sample("soft"), balance: wei(4) })).toBe(4n);
    expect(Payee.outstanding({ ...sample("soft"), claimed: wei(20) })).toBe(0n);
    expect(Payee.outstanding({ ...sample("soft"), claimed: wei(21) })).toBe(0n);
    expect(Payee.outstanding({ ...sample("lost"), balance: wei(90) })).toBe(0n);
  });

  test("a guarantee that ends is news while it lasts, and a claim until it has come", () => {
    const ends = (left: number) => ({ ...sample("reserved"), until: NOW + left });
    const told = (left: number) => [
      Payee.urge(ends(left), NOW),
      Payee.dueSoon(ends(left), NOW)?.before,
    ];
    expect(told(180)).toEqual([undefined, undefined]);
    expect(told(179)).toEqual(["lapsing", NOW + 179]);
    expect(told(0)).toEqual(["lapsing", NOW]);
    expect(told(-1)).toEqual(["lapsing", undefined]);
    expect(Payee.dueSoon(ends(179), NOW)?.amount).toBe(10n);
    // What is worth claiming for its own sake is lost by nobody who waits.
    const soft = { ...sample("soft"), until: NOW + 10 };
    expect(Payee.urge(soft, NOW, { claimCost: wei(0) })).toBe("worth");
    expect(Payee.dueSoon(soft, NOW, { claimCost: wei(0) })).toBeUndefined();
  });

  test("credit that was held back comes with a guarantee, once", () => {
    const [held, effects] = Payee.step(sample("soft"), voucher(41), tableRules);
    expect(effects.at(-2)).toEqual({ do: "ask" });
    expect(held).toMatchObject({ highest: { cumulative: 41n }, credited: 20n });
    const [next, more] = Payee.step(held, events.guarantees, tableRules);
    expect(more).toContainEqual({ do: "credit", credited: 21n });
    expect(Payee.step(next, events.guarantees, tableRules)).toEqual([next, []]);
  });
});

describe("the room for work that is not paid yet", () => {
  const of = { segment: wei(10), most: 4 };
  const opened = Payee.fresh({ balance: wei(10_000), claimed: wei(0), closeAt: 0, ...unreserved });
  const after = (book: Payee.Book, ...happens: Payee.Event[]) =>
    happens.reduce((before, event) => Payee.step(before, event)[0], book);
  const delivered = (amount: number, segment = 10): Payee.Event => ({
    type: "delivered",
    amount: wei(amount),
    segment: wei(segment),
  });
  const forgiven = (amount: number): Payee.Event => ({ type: "forgiven", amount: wei(amount) });

  test("is two segments for a stranger, and no more than the offer allows", () => {
    expect(Payee.room(opened, of)).toBe(20n);
    expect(Payee.room(opened, { ...of, most: 1 })).toBe(10n);
    expect(Payee.room(after(opened, delivered(25)), of)).toBe(-5n);
  });

  test("is four segments once the chain has paid for ten, and not a wei before", () => {
    const full = after(opened, delivered(200), voucher(200));
    const claimed = (amount: number) =>
      after(full, refreshed({ claimed: wei(amount), balance: wei(10_000 - amount) }));
    expect(Payee.room(claimed(99), of)).toBe(20n);
    expect(Payee.room(claimed(100), of)).toBe(40n);
    expect(Payee.room({ ...opened, claimed: wei(1) }, of)).toBe(20n);
    expect(Payee.room(claimed(100), { ...of, most: 9 })).toBe(40n);
    expect(Payee.room(claimed(100), { ...of, most: 3 })).toBe(30n);
  });

  test("is none in a pot that nobody checked", () => {
    expect(Payee.room(undefined, of)).toBe(0n);
  });

  test("is taken by each wei of work, and by nothing that is no work", () => {
    expect(Payee.room(after(opened, delivered(1)), of)).toBe(19n);
    for (const event of [delivered(0), delivered(-1), forgiven(0), forgiven(-1), forgiven(5)])
      expect(Payee.step(opened, event)).toEqual([opened, []]);
    const [half] = Payee.step(after(opened, delivered(10)), forgiven(5));
    expect(Payee.step(half, forgiven(0))).toEqual([half, []]);
    expect(half.forgiven).toBe(5n);
  });

  test("comes back by what was paid, and not by the number of vouchers", () => {
    const two = after(opened, delivered(20));
    expect(Payee.room(after(two, voucher(1)), of)).toBe(1n);
    expect(Payee.room(after(two, voucher(1), voucher(1), voucher(2)), of)).toBe(2n);
    expect(Payee.room(after(two, voucher(20)), of)).toBe(20n);
  });

  test("is the same in whatever order the vouchers come, and where one is lost", () => {
    const two = after(opened, delivered(20));
    for (const order of [[voucher(10), voucher(20)], [voucher(20), voucher(10)], [voucher(20)]])
      expect(Payee.room(after(two, ...order), of)).toBe(20n);
  });

  test("is not larger for what was paid ahead: after lost books that was for older work", () => {
    const book = after(opened, voucher(500), delivered(10));
    expect(Payee.room(book, of)).toBe(10n);
  });

  test("is not larger for vouchers that the chain had paid before the books were lost", () => {
    const seen = { balance: wei(9_900), claimed: wei(100), closeAt: 0, ...unreserved };
    const book = after(Payee.fresh(seen), delivered(20), voucher(10), voucher(20), voucher(100));
    expect(Payee.room(book, { ...of, most: 2 })).toBe(0n);
    expect(Payee.room(after(book, voucher(120)), { ...of, most: 2 })).toBe(20n);
  });

  test("forgives a tenth of what was credited where work was bad or not needed", () => {
    const stranger = after(opened, delivered(20), forgiven(20));
    expect(Payee.room(stranger, of)).toBe(0n);
    const known = after(opened, delivered(100), voucher(100), delivered(20), forgiven(20));
    expect(Payee.room(known, of)).toBe(10n);
    expect(Payee.room(after(known, voucher(120)), of)).toBe(20n);
    expect(after(opened, delivered(20), forgiven(99)).forgiven).toBe(20n);
  });

  test("is open for one segment more after a reload, once for each, and for no more however much is out", () => {
    const lost = after(opened, delivered(20));
    expect(Payee.room(Payee.reopened(lost), of)).toBe(10n);
    const again = after(Payee.reopened(lost), delivered(10));
    expect(Payee.room(Payee.reopened(again), of)).toBe(10n);
    expect(Payee.reopened(opened)).toEqual(opened);
    const four = after(opened, delivered(40));
    expect(Payee.room(Payee.reopened(four), of)).toBe(-10n);
  });

  test("grows by half of what is unpaid after a reload, and by a segment where that is more", () => {
    const grown = [8, 19, 20, 25].map((amount) =>
      Payee.room(Payee.reopened(after(opened, delivered(amount))), of),
    );
    expect(grown).toEqual([16n, 10n, 10n, 5n]);
  });

  test("is that of the books on disk, where a segment takes 10^12", () => {
    expect(Payee.room({ ...opened, unpaid: wei(10), taken: 10n ** 12n }, of)).toBe(10n);
  });

  test("is one segment in a new lane where closed lanes of ours left more than that unpaid in the pot, whatever it was worth", () => {
    const seen = { balance: wei(10_000), claimed: wei(0), closeAt: 0, ...unreserved };
    const room = (...left: Payee.Book[]) => Payee.room(Payee.fresh(seen, left), of);
    const [one, third] = [after(opened, delivered(10)), after(opened, delivered(3))];
    expect([room(), room(opened), room(third)]).toEqual([20n, 20n, 17n]);
    expect([room(third, third), room(third, one), room(one, one, one)]).toEqual([14n, 10n, 10n]);
    expect(room(after(opened, delivered(1_000, 1_000)))).toBe(10n);
    // What did not count there does not count here.
    const waived = after(opened, delivered(100), voucher(100), delivered(10), forgiven(10));
    expect(room(waived)).toBe(20n);
  });

  test("is whole again in that lane once it is ten minutes old, or has earned ten times what was left, or by half with a reload", () => {
    const seen = { balance: wei(10_000), claimed: wei(0), closeAt: 0, ...unreserved };
    const left = after(opened, delivered(10));
    const book = Payee.fresh(seen, [left]);
    expect(book).toMatchObject({ unpaid: 10n, forgiven: 10n, accrued: 0n });
    expect(Payee.fresh(seen, [after(left, delivered(10))])).toEqual(book);
    // Down to the least part of a segment.
    expect(Payee.fresh(seen, [{ ...left, taken: 1n }])).toEqual({ ...book, taken: 1n });
    const later = refreshed({ claimed: wei(0), balance: wei(10_000), now: NOW + 600 });
    expect(Payee.room(after(book, later), of)).toBe(20n);
    const earned = after(book, ...[10, 20, 30, 40, 50].flatMap((n) => [delivered(10), voucher(n)]));
    expect(Payee.room(earned, of)).toBe(15n);
    // Vouchers pay for this lane's own work, and not for what the other left.
    expect(earned.unpaid).toBe(10n);
    const halved = Payee.room(Payee.reopened(book), of);
    expect(halved).toBe(15n);
  });

  test("gives a forgiven segment back once, by a tenth of what was credited or by the lane's age", () => {
    const known = after(opened, delivered(100), voucher(100), delivered(20), forgiven(15));
    const look = refreshed({ claimed: wei(0), balance: wei(10_000), now: NOW + 600 });
    // Of the 15 that were forgiven ten are a tenth of what was credited, and the age gives the other five.
    expect(Payee.room(after(known, look), of)).toBe(15n);
  });

  test("is not given back by a voucher for older work, down to a single wei", () => {
    const seen = { balance: wei(9_900), claimed: wei(100), closeAt: 0, ...unreserved };
    const book = after(Payee.fresh(seen), delivered(1, 1));
    expect(after(book, voucher(50)).taken).toBe(book.taken);
  });

  test("counts each segment by its own award's price: a dearer or larger one finds no more room", () => {
    const two = after(opened, delivered(10), delivered(10));
    for (const segment of [1, 10, 20, 1_000])
      expect(Payee.room(two, { segment: wei(segment), most: 4 })).toBe(0n);
    const one = after(opened, delivered(1_000, 1_000));
    expect(Payee.room(one, of)).toBe(10n);
    // Whatever is paid first, a segment has cost no less than the least price of those that are unpaid.
    const mixed = after(opened, delivered(10), delivered(30, 30));
    expect(Payee.room(after(mixed, voucher(10)), of)).toBe(5n);
    expect(Payee.room(after(mixed, voucher(30)), of)).toBe(15n);
    expect(Payee.room(after(mixed, voucher(40)), of)).toBe(20n);
  });

  test("grows by a segment that was forgiven after 10 minutes, and by another each time that twice as many are added", () => {
    const ages = [0, 599, 600, 1_799, 1_800, 4_200, 9_000, 86_400, 604_800, -5];
    expect(ages.map(Payee.graceOf)).toEqual([0, 0, 1, 1, 2, 3, 4, 7, 9, 0]);
    const look = (age: number) =>
      refreshed({ claimed: wei(0), balance: wei(10_000), now: NOW + age });
    const lost = after(opened, delivered(20), forgiven(20));
    expect(Payee.room(after(lost, look(599)), of)).toBe(0n);
    expect(Payee.room(after(lost, look(600)), of)).toBe(10n);
    // What is owed still is not forgiven by any time, and no clock that goes back takes anything.
    expect(Payee.room(after(opened, delivered(20), look(86_400)), of)).toBe(0n);
    expect(Payee.room(after(lost, look(1_800), look(0)), of)).toBe(20n);
    expect(Payee.room(after(lost, look(86_400)), of)).toBe(20n);
    // Books from before there was grace have none.
    const { began: _, ...old } = lost;
    expect(Payee.room(after(old, look(86_400)), of)).toBe(0n);
  });

  test("waits for a guarantee where a voucher has none and more is owed than the soft cap", () => {
    const book = after(opened, delivered(20));
    const [held] = Payee.step(book, voucher(20), { softCap: wei(15) });
    expect(Payee.room(held, of)).toBe(0n);
    const [sure] = Payee.step(
      held,
      refreshed({ claimed: wei(0), ceiling: wei(60), until: NOW + 600 }),
      { softCap: wei(15) },
    );
    expect(Payee.room(sure, of)).toBe(20n);
  });

  test(`bounds what a payer gets for nothing, whatever it says and at whatever prices (SEED=${replay.seed})`, () => {
    const amount = fc.bigInt({ min: 1n, max: 40n }).map(wei);
    const anyMove = fc.oneof(
      { weight: 3, arbitrary: amount.map((price) => ({ do: "work" as const, price })) },
      fc.bigInt({ min: 0n, max: 400n }).map((total) => ({ do: "voucher" as const, total })),
      amount.map((price) => ({ do: "forgive" as const, price })),
      fc.constant({ do: "claim" as const }),
      fc.constant({ do: "reload" as const }),
      fc.constant({ do: "lane" as const }),
      fc.integer({ min: 0, max: 3_000 }).map((seconds) => ({ do: "wait" as const, seconds })),
    );
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 120 }), (moves) => {
        let [book, now, paid, reloads] = [opened, NOW, 0n, 0];
        /** When this lane began, what was given and paid before it, and the grace of those before. */
        let lane = { began: NOW, given: 0n, paid: 0n, grace: 0 };
        const given: bigint[] = [];
        for (const move of moves) {
          const look = () => {
            const balance = wei(10_000n - book.claimed);
            book = after(book, refreshed({ claimed: book.claimed, balance, now }));
          };
          if (move.do === "work") {
            if (move.price > Payee.room(book, { ...of, segment: move.price })) continue;
            given.push(move.price);
            book = after(book, { type: "delivered", amount: move.price, segment: move.price });
          } else if (move.do === "voucher") {
            // Paid ahead buys nothing later: only what is for work that was done counts.
            const owed = given.reduce((sum, price) => sum + price, 0n) - lane.given;
            if (move.total > owed) continue;
            if (lane.paid + move.total > paid) paid = lane.paid + move.total;
            book = after(book, voucher(Number(move.total)));
          } else if (move.do === "forgive")
            book = after(book, { type: "forgiven", amount: move.price });
          else if (move.do === "claim") {
            book = { ...book, claimed: wei(book.highest?.cumulative ?? 0n) };
            look();
          } else if (move.do === "wait") {
            now += move.seconds;
            look();
          } else if (move.do === "lane") {
            // The old one's tab is closed for good.
            const grace = lane.grace + Payee.graceOf(now - lane.began);
            const all = given.reduce((sum, price) => sum + price, 0n);
            lane = { began: now, given: all, paid, grace };
            const seen = { ...unreserved, balance: wei(10_000n), claimed: wei(0), closeAt: 0, now };
            book = Payee.fresh(seen, [book]);
            reloads++;
          } else {
            book = Payee.reopened(book);
            reloads++;
          }
          if (given.length === 0) continue;
          // By the segments: all but the window were paid for, at no less than the least price.
          const [least, most] = [given, given].map((all, i) =>
            all.reduce((a, b) => (a < b === (i === 0) ? a : b)),
          ) as [bigint, bigint];
          const free = 4 + lane.grace + Payee.graceOf(now - lane.began) + reloads;
          const bought = Number(paid + paid / 10n) / Number(least);
          expect(given.length).toBeLessThanOrEqual(free + bought + 1e-6);
          // By the amount: what is unpaid is no more than the window of the dearest, and a tenth.
          const lost = given.reduce((sum, price) => sum + price, 0n) - paid;
          expect(lost).toBeLessThanOrEqual(BigInt(free) * most + paid / 10n);
        }
      }),
      replay,
    );
  });
});

describe("a payee", () => {
  test("a payee credits only the increment", () => {
    const [, effects] = Payee.step(sample("soft"), voucher(33));
    expect(effects).toContainEqual({ do: "credit", credited: 13n });
  });

  test("a payee keeps a voucher of a closing pot, because claims go on until the end", () => {
    const [next] = Payee.step(sample("closing"), voucher(33));
    expect(next.highest?.cumulative).toBe(33n);
    expect(Payee.claimable(next)).toBe(23n);
  });

  test("a payee refuses more than is owed plus what may be paid ahead, if told to", () => {
    const rules = { prepay: wei(5) };
    expect(does(Payee.step(sample("soft"), voucher(55), rules)[1])).toEqual(["store", "credit"]);
    expect(Payee.step(sample("soft"), voucher(56), rules)).toEqual([
      sample("soft"),
      [{ do: "refuse", reason: { code: "VOUCHER_OVER_OWED", increment: 36n, owed: 30n } }],
    ]);
  });

  test("a payee that was paid ahead is owed nothing more, and says so by the wei", () => {
    const ahead = { ...sample("soft"), accrued: wei(15) };
    expect(Payee.step(ahead, voucher(26), { prepay: wei(5) })[1]).toEqual([
      { do: "refuse", reason: { code: "VOUCHER_OVER_OWED", increment: 6n, owed: 0n } },
    ]);
    expect(does(Payee.step(ahead, voucher(25), { prepay: wei(5) })[1])).toContain("credit");
  });

  test("a payee refuses dust and what is above the pot by their amounts, and takes all that the pot ever had", () => {
    const refused = (cumulative: number) =>
      Payee.step(sample("soft"), voucher(cumulative), tableRules)[1];
    expect(refused(21)).toEqual([
      { do: "refuse", reason: { code: "VOUCHER_DUST", increment: 1n, min: 2n } },
    ]);
    // 90 are there, and 10 were paid.
    expect(refused(101)).toEqual([
      { do: "refuse", reason: { code: "VOUCHER_OVER_POT", amount: 101n, pot: 100n } },
    ]);
    expect(Payee.step(sample("soft"), voucher(100))[0].credited).toBe(100n);
    expect(Payee.step(sample("soft"), voucher(21))[0].credited).toBe(21n);
  });

  test("a payee can claim what it holds and was not paid, as far as the pot goes", () => {
    expect(Payee.claimable(sample("soft"))).toBe(10n);
    expect(Payee.claimable({ ...sample("soft"), balance: wei(4) })).toBe(4n);
    expect(Payee.claimable({ ...sample("soft"), claimed: wei(25) })).toBe(0n);
    expect(Payee.claimable(sample("lost"))).toBe(0n);
  });

  test("a payee believes no server that takes a payment or an end back", () => {
    expect(Payee.step(sample("soft"), chain(0, 3, 97))[0].claimed).toBe(10n);
    expect(Payee.step(sample("lost"), chain(0))[0].closeAt).toBe(FINALIZED);
  });

  test("a payee does not hurry to the chain when a close leaves nothing to claim", () => {
    const paid = { ...sample("soft"), claimed: wei(20) };
    expect(does(Payee.step(paid, chain(CLOSE_AT, 20, 80))[1])).toEqual(["store"]);
  });

  test(`a payee's book never falls, and never holds more than the pot covered (SEED=${replay.seed})`, () => {
    const amount = fc.bigInt({ min: -5n, max: 150n }).map(wei);
    const anyEvent: fc.Arbitrary<Payee.Event> = fc.oneof(
      fc.record({ type: fc.constantFrom("delivered" as const, "forgiven" as const), amount }),
      amount.map((n) => ({
        type: "voucher" as const,
        cumulative: n,
        signature: sig(1),
        now: NOW,
      })),
      fc.record({
        type: fc.constant("chain" as const),
        balance: fc.bigInt({ min: 0n, max: 100n }).map(wei),
        reserved: fc.bigInt({ min: 0n, max: 100n }).map(wei),
        claimed: fc.bigInt({ min: 0n, max: 100n }).map(wei),
        closeAt: fc.constantFrom(0, CLOSE_AT, FINALIZED),
        ceiling: fc.bigInt({ min: 0n, max: 100n }).map(wei),
        until: fc.constantFrom(0, NOW + 100, NOW + 600),
        now: fc.constant(NOW),
      }),
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (sequence) => {
        let book = Payee.fresh({ balance: wei(100), claimed: wei(0), closeAt: 0, ...unreserved });
        for (const event of sequence) {
          const [next, effects] = Payee.step(book, event, tableRules);
          // Invariant 24: work goes on for no more than softCap beyond the guarantee, as the chain was last seen.
          const more = next.credited - next.claimed - Payee.guaranteed(next, NOW + 180);
          if (next.credited > book.credited) expect(more).toBeLessThanOrEqual(tableRules.softCap);
          // Nor for what the chain has promised to others.
          if (next.credited > book.credited)
            expect(next.credited - next.claimed).toBeLessThanOrEqual(Payee.payable(next));
          expect(next.credited).toBeGreaterThanOrEqual(book.credited);
          expect(next.credited).toBeLessThanOrEqual(next.highest?.cumulative ?? 0n);
          expect(next.accrued).toBeGreaterThanOrEqual(book.accrued);
          expect(next.unpaid).toBeLessThanOrEqual(next.accrued);
          expect(next.forgiven).toBeLessThanOrEqual(next.unpaid);
          if (!effects.some((effect) => effect.do === "reorg"))
            expect(next.claimed).toBeGreaterThanOrEqual(book.claimed);
          else expect(book.doubts).toBe(Payee.DOUBTS - 1);
          const [was, is] = [book.highest?.cumulative ?? 0n, next.highest?.cumulative ?? 0n];
          expect(is).toBeGreaterThanOrEqual(was);
          if (is > was) expect(is).toBeLessThanOrEqual(book.balance + book.claimed);
          // A changed book is stored before anything else happens.
          if (next !== book) expect(effects[0]).toEqual({ do: "store" });
          book = next;
        }
      }),
      replay,
    );
  });
});

/** Payer and payee as pure books over a connection that loses, repeats and reorders, with crashes back to what was stored. */
describe("payer and payee over a bad connection", () => {
  const lane: Lane = { payee: `0x${"aa".repeat(20)}` as Address, lane: 1 };
  const key = laneKey(lane);
  type Move =
    | {
        readonly do: "pay";
        readonly amount: Amount;
        readonly diesAfter: "intent" | "signing" | "never";
      }
    | { readonly do: "deliver" | "repeat"; readonly pick: number }
    | { readonly do: "payerCrash" | "payeeCrash" | "hello" };
  const anyMove: fc.Arbitrary<Move> = fc.oneof(
    fc.record({
      do: fc.constant("pay" as const),
      amount: fc.bigInt({ min: 1n, max: 20n }).map(wei),
      diesAfter: fc.constantFrom("intent" as const, "signing" as const, "never" as const),
    }),
    fc.record({ do: fc.constantFrom("deliver" as const, "repeat" as const), pick: fc.nat() }),
    fc.record({ do: fc.constantFrom("payerCrash", "payeeCrash", "hello") }),
  );

  test(`payer and payee end at the highest that was signed, and nobody is paid twice (SEED=${replay.seed})`, () => {
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 60 }), (moves) => {
        let payer = Payer.opened(wei(1000));
        let payee = Payee.fresh({ balance: wei(1000), claimed: wei(0), closeAt: 0, ...unreserved });
        const line: Payer.Signed[] = [];
        let decided = 0n;
        let credited = 0n;
        /** Each total is signed once at most in meaning: the same amount gives the same bytes. */
        const perform = (event: Payer.Event, diesAfter = "never") => {
          const [next, effects] = Payer.step(payer, event);
          payer = next;
          for (const effect of effects) {
            if (effect.do === "sign") {
              if (diesAfter === "intent") return;
              const { cumulative } = effect;
              const [stored, more] = Payer.step(payer, {
                type: "signed",
                lane,
                cumulative,
                signature: sig(cumulative),
              });
              if (diesAfter === "signing") return;
              payer = stored;
              for (const out of more)
                if (out.do === "send") line.push({ cumulative, signature: sig(cumulative) });
            } else if (effect.do === "send") {
              line.push({ cumulative: effect.cumulative, signature: effect.signature });
            }
          }
        };
        const receive = ({ cumulative, signature }: Payer.Signed) => {
          const [next, effects] = Payee.step(payee, {
            type: "voucher",
            cumulative,
            signature,
            now: NOW,
          });
          payee = next;
          for (const effect of effects) if (effect.do === "credit") credited += effect.credited;
        };
        for (const move of moves) {
          if (move.do === "pay") {
            const before = Payer.intended(payer);
            perform({ type: "owe", lane, amount: move.amount }, move.diesAfter);
            decided += Payer.intended(payer) - before;
          } else if (move.do === "deliver" || move.do === "repeat") {
            const at = move.pick % Math.max(1, line.length);
            const message = line[at];
            if (message) receive(message);
            if (move.do === "deliver") line.splice(at, 1);
          } else if (move.do === "hello") {
            const { highest } = payee;
            if (highest) perform({ type: "shown", lane, ...highest });
          } else if (move.do === "payerCrash") {
            perform({ type: "resumed" });
          }
          expect(payee.highest?.cumulative ?? 0n).toBeLessThanOrEqual(Payer.intended(payer));
          expect(credited).toBe(payee.highest?.cumulative ?? 0n);
        }
        // The line is repaired: the payer starts again and sends its highest.
        perform({ type: "resumed" });
        const last = payer.lanes.get(key)?.signed;
        if (last) receive(last);
        expect(payee.highest?.cumulative ?? 0n).toBe(decided);
        expect(credited).toBe(decided);
      }),
      replay,
    );
  });
});
