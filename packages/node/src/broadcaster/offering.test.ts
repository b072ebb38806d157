import type { PayerPot } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Envelope, Keys, OFFERS_TOPIC, peerIdOf } from "@tabcast/protocol";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { sampleFacts } from "../../test/offers.ts";
import { type OfferingOptions, openOffering } from "./offering.ts";

const keys = await Keys.generate();
const address = (digit: string) => `0x${digit.repeat(40)}` as const;
const pot = {
  domain: { chainId: 31_337, contract: address("a") },
  config: {
    payer: address("b"),
    signer: address("c"),
    token: address("0"),
    challengePeriod: 900,
    salt: `0x${"d".repeat(64)}`,
  },
} as PayerPot;
/** An offering in a network of so many workers, and what it says on which topic. */
function among(workers: number) {
  const said: string[] = [];
  const mesh = {
    ...memory(memoryNetwork(), { self: peerIdOf(keys.publicKey) }),
    population: () => workers,
    publish: async (topic: string, body: Uint8Array) => {
      said.push(`${Envelope.kindOf(body)} ${topic.slice(OFFERS_TOPIC.length)}`);
    },
  };
  const { signal } = new AbortController();
  const on = () => {};
  const offering = openOffering({ mesh, config: LIVE, clock: systemClock, on, signal }, {
    keys,
    need: { wanted: 2, maxPrice: 1n, slackMs: 4_000 },
    facts: sampleFacts,
    pot,
    metered: mesh,
  } as unknown as OfferingOptions);
  return { offering, said };
}

const id = new Uint8Array(16).fill(14);
const said = async ({ said }: { readonly said: readonly string[] }, count: number) => {
  await expect.poll(() => said.length).toBe(count);
  return said;
};

test("an offer is told to one part of many workers, each time to the next, and its end to those that heard it", async () => {
  const at = among(500);
  for (let repeats = 0; repeats < 3; repeats++) {
    at.offering.offer({ id, repeats, unanswered: 0 });
    await said(at, repeats + 1);
  }
  at.offering.closed(id);
  expect(await said(at, 6)).toEqual([
    "offer /16/14",
    "offer /16/15",
    "offer /16/0",
    "closed /16/14",
    "closed /16/15",
    "closed /16/0",
  ]);
});

test("an offer is told to more of them the longer nobody answers, and to all where they are few", async () => {
  const many = among(500);
  many.offering.offer({ id, repeats: 0, unanswered: 1 });
  expect(await said(many, 1)).toEqual(["offer /4/2"]);
  many.offering.offer({ id, repeats: 0, unanswered: 2 });
  expect(await said(many, 2)).toContain("offer ");
  const few = among(45);
  few.offering.offer({ id, repeats: 0, unanswered: 0 });
  await said(few, 1);
  few.offering.closed(id);
  expect(await said(few, 2)).toEqual(["offer ", "closed "]);
});
