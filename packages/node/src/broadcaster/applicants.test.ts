import { memory, memoryNetwork } from "@tabcast/mesh";
import { Bye, Keys, PROTOCOLS, peerIdOf, type Signer } from "@tabcast/protocol";
import { secureRandom, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { ask } from "../exchange.ts";
import { type ApplicantsOptions, serveApplicants } from "./applicants.ts";
import type { OfferingContext } from "./offering.ts";

const awards = { one: new Uint8Array(16).fill(1), two: new Uint8Array(16).fill(2) };

/** A tab that broadcasts two streams, and a worker that both have hired. */
async function open() {
  const network = memoryNetwork();
  const [broadcaster, worker] = await Promise.all([Keys.generate(), Keys.generate()]);
  const [theirs, ours] = [broadcaster, worker].map(({ publicKey }: Signer) =>
    memory(network, { self: peerIdOf(publicKey) }),
  ) as [ReturnType<typeof memory>, ReturnType<typeof memory>];
  const { signal } = new AbortController();
  const heard: string[] = [];
  const context = { mesh: theirs, clock: systemClock, random: secureRandom, on() {}, signal };
  for (const [stream, award] of Object.entries(awards))
    serveApplicants(
      { ...context, config: {} } as unknown as OfferingContext,
      {
        pot: { domain: { chainId: 1, contract: `0x${"ab".repeat(20)}` } },
        member: (peer: string) => (peer === ours.self ? { worker: peer, award } : undefined),
        bids: () => false,
        most: 8,
        tell(event: { type: string }) {
          heard.push(`${stream}: ${event.type}`);
          return [];
        },
      } as unknown as ApplicantsOptions,
    );
  const bye = async (words: Partial<Bye>) => {
    const whole = { why: "paused", finishing: true, award: new Uint8Array(0), ...words };
    await ask(ours, theirs.self, PROTOCOLS.bye, Bye.encode(whole), { signal });
    return heard.splice(0);
  };
  return { bye };
}

test("a worker's goodbye without an award is heard by all streams of a tab, and one with an award by its own", async () => {
  const { bye } = await open();
  expect(await bye({})).toEqual(["one: draining", "two: draining"]);
  expect(await bye({ finishing: false })).toEqual(["one: lost", "two: lost"]);
  expect(await bye({ award: awards.two })).toEqual(["two: draining"]);
  expect(await bye({ award: awards.one, finishing: false })).toEqual(["one: lost"]);
  await expect(bye({ award: new Uint8Array(16).fill(3) })).rejects.toMatchObject({
    code: "MESH_REFUSED",
  });
});
