import { Millis, secureRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import messages from "../vectors/messages.json" with { type: "json" };
import * as P from "./index.ts";
import { revive } from "./testing.ts";

const NOW = 1_790_000_000_000;
const HOUR = 3_600_000;
const sample = <T>(name: string) =>
  revive(messages.find(({ message }) => message === name)?.value ?? {}) as T;

const keys = await P.Keys.fromSeed(new Uint8Array(32).fill(9));
const stranger = await P.Keys.generate();
const me = P.peerIdOf((await P.Keys.generate()).publicKey);
const other = P.peerIdOf(stranger.publicKey);
const spoken = { stream: keys.publicKey, broadcaster: me };
const offer = { ...sample<P.Offer>("Offer"), ...spoken, atMs: NOW };
const closed = { ...sample<P.Closed>("Closed"), ...spoken };
const announce = { ...sample<P.Announce>("Announce"), ...spoken, atMs: NOW, ended: false };
const entry = { ...sample<P.Entry>("Entry"), ...spoken, seq: 100 };
const TOPIC = P.streamTopic(keys.publicKey);
const secrets = await P.crewKeys(keys.publicKey, new Uint8Array(32).fill(5));

/** Rules at a time that the test sets. */
function open(as: "tab" | "relay" = "tab") {
  let now = NOW;
  const clock = { now: () => Millis.of(now - NOW), unix: () => Millis.of(now) };
  const rules = P.gossipRules({ clock, as });
  return {
    rules,
    at(ms: number) {
      now = ms;
    },
    judge: async (topic: string, body: Uint8Array, author = me) =>
      rules.get(topic)?.judge(body, author),
    offer: async (atMs: number) =>
      rules
        .get(P.OFFERS_TOPIC)
        ?.judge(await P.sealOffer(keys, { ...offer, atMs, id: secureRandom.bytes(16) }), me),
    announce: async (atMs: number, ended = false) =>
      rules.get(P.LIVE_TOPIC)?.judge(await P.sealAnnounce(keys, { ...announce, atMs, ended }), me),
    entry: async (seq: number, startUs = 0) =>
      rules.get(TOPIC)?.judge(await P.sealEntry(keys, { ...entry, seq, startUs }), me),
  };
}

/** Two receipts that prove something against `signer`. */
async function proof(signer: P.Signer, seq = 7): Promise<Uint8Array> {
  const receipt = { ...sample<P.Receipt>("Receipt"), seq };
  const [first, second] = await Promise.all(
    [1, 2].map((encodeMs) => P.sealReceipt(signer, { ...receipt, encodeMs })),
  );
  return P.Equivocation.encode({ first: first as Uint8Array, second: second as Uint8Array });
}

test("every topic has its rule, and what each carries is accepted from whoever it names", async () => {
  const { rules, judge } = open();
  expect([...rules.keys()].sort()).toEqual([...P.TOPICS].sort());
  const honest: [string, Uint8Array][] = [
    [P.OFFERS_TOPIC, await P.sealOffer(keys, offer)],
    [P.OFFERS_TOPIC, await P.sealClosed(keys, closed)],
    [P.LIVE_TOPIC, await P.sealAnnounce(keys, announce)],
    [TOPIC, await P.sealEntry(keys, entry)],
    [TOPIC, await P.sealAnnounce(keys, announce)],
    [P.PROOFS_TOPIC, await proof(stranger)],
  ];
  for (const [topic, body] of honest) {
    expect(await judge(topic, body), topic).toBe("accept");
    expect(body.byteLength).toBeLessThanOrEqual(rules.get(topic)?.largest ?? 0);
  }
});

test("the largest message of each kind fits its topic, and nothing larger does", () => {
  const { rules } = open();
  const limits = [P.OFFERS_TOPIC, P.LIVE_TOPIC, TOPIC, P.PROOFS_TOPIC].map(
    (topic) => rules.get(topic)?.largest,
  );
  expect(limits).toEqual([4_096 + 256, 8_192 + 256, 8_192 + 256, 4_736]);
});

describe("no honest peer passes on", () => {
  const flip = (body: Uint8Array) => {
    const changed = body.slice();
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    return changed;
  };
  const elsewhere = P.STREAM_TOPICS.find((topic) => topic !== TOPIC) as string;
  test.each<[string, string, () => Promise<Uint8Array>]>([
    [
      "an offer under another peer's name",
      P.OFFERS_TOPIC,
      async () => P.sealOffer(keys, { ...offer, broadcaster: other }),
    ],
    [
      "the end of an offer under another peer's name",
      P.OFFERS_TOPIC,
      async () => P.sealClosed(keys, { ...closed, broadcaster: other }),
    ],
    [
      "an announcement under another peer's name",
      P.LIVE_TOPIC,
      async () => P.sealAnnounce(keys, { ...announce, broadcaster: other }),
    ],
    [
      "an entry under another peer's name",
      TOPIC,
      async () => P.sealEntry(keys, { ...entry, broadcaster: other }),
    ],
    [
      "an offer that its stream did not sign",
      P.OFFERS_TOPIC,
      async () => P.sealOffer(stranger, offer),
    ],
    ["an entry that its stream did not sign", TOPIC, async () => P.sealEntry(stranger, entry)],
    ["an offer that was changed", P.OFFERS_TOPIC, async () => flip(await P.sealOffer(keys, offer))],
    ["an announcement among offers", P.OFFERS_TOPIC, async () => P.sealAnnounce(keys, announce)],
    ["an entry on the live topic", P.LIVE_TOPIC, async () => P.sealEntry(keys, entry)],
    ["an entry on another shard's topic", elsewhere, async () => P.sealEntry(keys, entry)],
    [
      "an award, which is nobody's gossip",
      P.OFFERS_TOPIC,
      async () => P.sealAward(keys, { ...sample<P.Award>("Award"), stream: keys.publicKey }),
    ],
    ["random bytes", P.LIVE_TOPIC, async () => secureRandom.bytes(300)],
    ["nothing", TOPIC, async () => new Uint8Array(0)],
    ["200 kB", P.OFFERS_TOPIC, async () => new Uint8Array(200_000)],
    ["a proof of nothing", P.PROOFS_TOPIC, async () => flip(await proof(stranger))],
  ])("%s", async (_, topic, body) => {
    expect(await open().judge(topic, await body())).toBe("reject");
  });
});

describe("what is old changes nothing:", () => {
  test.each([2 * 60_000, HOUR, 24 * HOUR, 39 * HOUR])(
    "a replay %i ms later, to whoever heard the stream and to whoever did not, after its end and after a restart",
    async (later) => {
      const [knows, restarted] = [open("relay"), open("tab")];
      const said = [await P.sealOffer(keys, offer), await P.sealAnnounce(keys, announce)] as const;
      const judge = async ({ judge }: typeof knows) => [
        await judge(P.OFFERS_TOPIC, said[0]),
        await judge(P.LIVE_TOPIC, said[1]),
      ];
      expect(await judge(knows)).toEqual(["accept", "accept"]);
      knows.at(NOW + 10_000);
      expect(await knows.announce(NOW + 10_000, true)).toBe("accept");
      for (const one of [knows, restarted]) {
        one.at(NOW + later);
        expect(await judge(one)).toEqual(["ignore", "ignore"]);
        one.at(NOW + later + 3_000);
        expect(await judge(one)).toEqual(["ignore", "ignore"]);
      }
    },
  );

  test("a message that is dated no later than one before, and a stream that ended and goes on", async () => {
    const { announce, at } = open();
    expect(await announce(NOW)).toBe("accept");
    expect(await announce(NOW)).toBe("ignore");
    expect(await announce(NOW - 1)).toBe("ignore");
    expect(await announce(NOW + 1, true)).toBe("accept");
    at(NOW + 5_000);
    expect(await announce(NOW + 5_000)).toBe("ignore");
    expect(await announce(NOW + 5_001, true)).toBe("accept");
  });

  test("an entry that went by, one long before the newest, and a third one for one sequence", async () => {
    const { entry } = open();
    expect(await entry(100)).toBe("accept");
    expect(await entry(100)).toBe("ignore");
    expect(await entry(99)).toBe("accept");
    expect(await entry(35)).toBe("ignore");
    expect(await entry(101)).toBe("accept");
    // Two different ones are a proof against their broadcaster, and viewers must get it.
    expect(await entry(100, 1)).toBe("accept");
    expect(await entry(100, 2)).toBe("ignore");
    expect(await entry(100)).toBe("ignore");
  });

  test("the end of an offer that went by", async () => {
    const { judge } = open();
    const end = await P.sealClosed(keys, closed);
    expect(await judge(P.OFFERS_TOPIC, end)).toBe("accept");
    expect(await judge(P.OFFERS_TOPIC, end)).toBe("ignore");
    // Another part of the workers has not heard it.
    expect(await judge(P.offersTopic(16, 3), end)).toBe("accept");
    expect(await judge(P.offersTopic(16, 3), end)).toBe("ignore");
  });

  test("an offer that was told to one part of the workers does not pass to another", async () => {
    const { judge } = open();
    const sealed = await P.sealOffer(keys, offer);
    expect(await judge(P.offersTopic(16, 3), sealed)).toBe("accept");
    expect(await judge(P.offersTopic(16, 4), sealed)).toBe("ignore");
    expect(await judge(P.OFFERS_TOPIC, sealed)).toBe("ignore");
  });
});

describe("an honest sender", () => {
  test.each([-39 * HOUR, -3 * HOUR, 3 * HOUR, 39 * HOUR])(
    "whose clock is %i ms wrong is heard from its second message on",
    async (wrong) => {
      const { announce, at } = open();
      expect(await announce(NOW + wrong)).toBe("ignore");
      for (const ms of [2_000, 4_100, 60_000, 300_000]) {
        at(NOW + ms);
        expect(await announce(NOW + ms + wrong - 100)).toBe("accept");
      }
    },
  );

  test.each([0, -60_000, 60_000])("whose clock is %i ms wrong is heard at once", async (wrong) => {
    expect(await open().announce(NOW + wrong)).toBe("accept");
  });

  test("whose machine slept, and its time with it, shows anew how it passes", async () => {
    const { announce, at } = open();
    const [slept, behind] = [NOW + HOUR, 50 * 60_000];
    expect(await announce(NOW)).toBe("accept");
    at(NOW + 80_000);
    expect(await announce(NOW + 10_000 - 21_000)).toBe("ignore"); // late by its own clock
    at(slept);
    expect(await announce(slept - behind)).toBe("ignore");
    at(slept + 2_000);
    expect(await announce(slept + 2_000 - behind)).toBe("accept");
  });

  test("more than forty hours wrong is never heard", async () => {
    const { announce, at } = open();
    for (const ms of [0, 2_000, 4_000]) {
      at(NOW + ms);
      expect(await announce(NOW + ms - 41 * HOUR)).toBe("ignore");
    }
  });

  test("is heard though somebody replays older messages of its between", async () => {
    const { announce, at } = open();
    const wrong = -5 * HOUR;
    expect(await announce(NOW + wrong - 600_000)).toBe("ignore"); // a replay
    at(NOW + 1_000);
    expect(await announce(NOW + wrong + 1_000)).toBe("ignore");
    expect(await announce(NOW + wrong - 590_000)).toBe("ignore"); // another
    at(NOW + 3_000);
    expect(await announce(NOW + wrong + 3_000)).toBe("accept");
  });
});

test("two messages that were recorded hours ago do not vouch for each other, unless they come as far apart as they were made", async () => {
  const { announce, at } = open();
  expect(await announce(NOW - 3 * HOUR)).toBe("ignore");
  at(NOW + 100);
  expect(await announce(NOW - 3 * HOUR + 100)).toBe("ignore");
  at(NOW + 2_100);
  expect(await announce(NOW - 3 * HOUR + 60_000)).toBe("ignore");
  at(NOW + 4_100);
  expect(await announce(NOW - 3 * HOUR + 62_000)).toBe("accept");
});

test("a receiver whose clock is set in mid-stream goes on hearing it", async () => {
  let now = NOW;
  let set = 0;
  const clock = { now: () => Millis.of(now), unix: () => Millis.of(now + set) };
  const judge = P.gossipRules({ clock }).get(P.LIVE_TOPIC)?.judge;
  for (const hours of [0, -1, 1, -5, 0]) {
    now += 2_000;
    set = hours * HOUR;
    expect(await judge?.(await P.sealAnnounce(keys, { ...announce, atMs: now }), me)).toBe(
      "accept",
    );
  }
});

test.each<[string, string, (by: P.Signer, atMs: number) => Promise<Uint8Array>]>([
  [
    "announces",
    P.LIVE_TOPIC,
    (by, atMs) => P.sealAnnounce(by, { ...announce, stream: by.publicKey, atMs }),
  ],
  [
    "offers",
    P.OFFERS_TOPIC,
    (by, atMs) => P.sealOffer(by, { ...offer, stream: by.publicKey, atMs }),
  ],
])(
  "one peer %s four streams at a time, and another one when one of them has fallen silent",
  async (_, topic, tell) => {
    const { judge, at } = open();
    const streams = await Promise.all(Array.from({ length: 6 }, () => P.Keys.generate()));
    const told = async (which: number, atMs: number) =>
      judge(topic, await tell(streams[which] as P.Signer, atMs));
    const answers: unknown[] = [];
    for (let i = 0; i < 6; i++) answers.push(await told(i, NOW));
    expect(answers).toEqual(["accept", "accept", "accept", "accept", "ignore", "ignore"]);
    at(NOW + 20_000);
    for (const i of [1, 2, 3]) expect(await told(i, NOW + 20_000)).toBe("accept");
    at(NOW + 31_000);
    expect(await told(5, NOW + 31_000)).toBe("accept");
    expect(await told(4, NOW + 31_000)).toBe("ignore");
  },
);

test("a proof is passed on once, and one author tells of five at once and one more every ten seconds", async () => {
  const { judge, at } = open();
  const workers = await Promise.all(Array.from({ length: 8 }, () => P.Keys.generate()));
  const told = async (author: string) => {
    const answers: unknown[] = [];
    for (const worker of workers)
      answers.push(await judge(P.PROOFS_TOPIC, await proof(worker), author));
    return answers.filter((answer) => answer === "accept").length;
  };
  expect(await told(me)).toBe(5);
  expect(await told(other)).toBe(0); // the five are known, and those are the allowance
  at(NOW + 10_000);
  const late = workers[7] as P.Signer;
  expect(await judge(P.PROOFS_TOPIC, await proof(late), me)).toBe("accept");
  at(NOW + 600_000);
  expect(await judge(P.PROOFS_TOPIC, await proof(late, 8), other)).toBe("ignore");
});

test("who was heard is bounded, and what made room counts as never heard", () => {
  const heard = new P.Heard(2);
  const of = (sender: string, atMs: number) => ({ sender, atMs, ttlMs: 30_000 });
  for (const [i, sender] of ["a", "b", "c"].entries())
    expect(heard.take(of(sender, NOW + i), NOW)).toBe(true);
  expect(heard.take(of("c", NOW), NOW)).toBe(false);
  expect(heard.take(of("a", NOW), NOW)).toBe(true);
});

test("what a private stream says passes on its own shard, in its time and by its author's name, though no relay can read it", async () => {
  const { rules, judge } = open("relay");
  const honest = {
    announce: await P.sealPrivateAnnounce(keys, announce, secrets),
    entry: await P.sealPrivateEntry(keys, entry, secrets),
    offer: await P.sealPrivateOffer(keys, offer, secrets),
  };
  for (const [kind, body] of Object.entries(honest)) {
    expect(await judge(TOPIC, body, other), kind).toBe("reject");
    expect(await judge(TOPIC, body), kind).toBe("accept");
    expect(await judge(TOPIC, body), `${kind} again`).toBe("ignore");
    expect(body.byteLength).toBeLessThanOrEqual(rules.get(TOPIC)?.largest ?? 0);
    for (const topic of P.TOPICS.filter((one) => one !== TOPIC))
      expect(await judge(topic, body), `${kind} on ${topic}`).toBe("reject");
  }
  const before = { ...announce, atMs: NOW - 5 };
  expect(await judge(TOPIC, await P.sealPrivateAnnounce(keys, before, secrets))).toBe("ignore");
  const late = { ...entry, seq: entry.seq - 65 };
  expect(await judge(TOPIC, await P.sealPrivateEntry(keys, late, secrets))).toBe("ignore");
  const second = { ...entry, startUs: 5 };
  expect(await judge(TOPIC, await P.sealPrivateEntry(keys, second, secrets))).toBe("accept");
  const forged = await P.sealPrivateEntry(stranger, { ...entry, seq: 101 }, secrets);
  expect(await judge(TOPIC, forged)).toBe("reject");
});

test("an announcement that says that its stream is unlisted passes on the stream's topic, and is rejected on the live one", async () => {
  const { judge } = open("relay");
  const body = await P.sealAnnounce(keys, { ...announce, unlisted: true });
  expect(await judge(P.LIVE_TOPIC, body)).toBe("reject");
  expect(await judge(TOPIC, body)).toBe("accept");
});
