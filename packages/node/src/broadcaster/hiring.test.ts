import { memory as books, type Domain, PayeeProof, type PayerPot } from "@tabcast/channel";
import { type Crew, LIVE, Screen } from "@tabcast/market";
import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import {
  type Bid,
  BidReply,
  Equivocation,
  Keys,
  PROOFS_TOPIC,
  PROTOCOLS,
  peerIdOf,
  type Signer,
  sealBid,
  sealReceipt,
} from "@tabcast/protocol";
import { fromHex, seededRandom, systemClock } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { ask } from "../exchange.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { openHiring } from "./hiring.ts";
import { openRecords, whoseOf } from "./records.ts";
import type { BroadcastEvent } from "./types.ts";

const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const owner = privateKeyToAccount(`0x${"11".repeat(32)}`);
const payee = fromHex(owner.address);
const address: `0x${string}` = `0x${"0c".repeat(20)}`;

interface Tab {
  readonly keys: Signer;
  readonly mesh: Mesh;
}

/** A stream that hires, what it remembers of workers, and tabs that bid. */
async function open(policy: Partial<Screen.Policy> = {}) {
  const network = memoryNetwork();
  const { signal } = new AbortController();
  const join = async (): Promise<Tab> => {
    const keys = await Keys.generate();
    return { keys, mesh: memory(network, { self: peerIdOf(keys.publicKey) }) };
  };
  const { mesh } = await join();
  const events: BroadcastEvent[] = [];
  const limiter = openRateLimiter({ clock: systemClock }, LIVE, () => {});
  const context = {
    mesh,
    config: LIVE,
    clock: systemClock,
    random: seededRandom(1, "hiring"),
    on: (event: BroadcastEvent) => void events.push(event),
    signal,
  };
  const records = await openRecords(
    { ...context, codec: "avc" },
    {
      store: books(),
      failed: (error) => {
        throw error;
      },
    },
  );
  const hiring = openHiring(context, {
    keys: await Keys.generate(),
    need: {
      wanted: 8,
      maxPrice: 100n,
      pixels: 1e6,
      bytes: 1e5,
      segmentMs: 2_000,
      slackMs: 4_000,
    },
    facts: {
      sourceCodec: "avc1.640028",
      width: 1280,
      height: 720,
      fpsMilli: 30_000,
      sourceBitrate: 3_000_000,
      codec: "avc",
      rungs: [{ name: "240p", width: 426, height: 240, bitrate: 250_000 }],
      segmentMs: 2_000,
      window: 2,
      seedCommit: new Uint8Array(32),
      need: [],
      crew: new Uint8Array(0),
    },
    pot: {
      domain,
      config: {
        payer: address,
        signer: address,
        token: address,
        challengePeriod: 900,
        salt: `0x${"11".repeat(32)}`,
      },
    } as unknown as PayerPot,
    policy: { ...Screen.open, ...policy },
    records,
    limiter,
    metered: mesh,
    changed() {},
    gone() {},
  });
  hiring.tick();
  const bid = async ({ keys, mesh: own }: Tab, of: Partial<Bid> = {}) => {
    const sealed = await sealBid(keys, {
      offer: hiring.crew().offer?.id as Uint8Array,
      worker: own.self,
      payee,
      lane: 1,
      price: 1n,
      pixelsPerS: 1e9,
      slots: 1,
      queueMs: 0,
      ageMs: 0,
      tags: [],
      addrs: [],
      proof: new Uint8Array(0),
      payeeProof: new Uint8Array(0),
      award: new Uint8Array(16),
      ...of,
    });
    const { head } = await ask(own, mesh.self, PROTOCOLS.bid, sealed, { signal });
    const { ok, why } = BidReply.decode(head);
    return ok ? "ok" : why;
  };
  const proofFor = ({ keys }: Tab) => PayeeProof.sign(domain, owner, keys.publicKey);
  const bidden = ({ mesh: { self } }: Tab) =>
    hiring.crew().bids.get(self) as Crew.Crew["bids"] extends ReadonlyMap<string, infer One>
      ? One
      : never;
  return { join, bid, proofFor, bidden, records, limiter, events };
}

test("a bid is taken with its payee's proof and without one, and refused by name with another's", async () => {
  const { join, bid, proofFor, bidden, limiter } = await open();
  const [own, pasted, thief] = [await join(), await join(), await join()];
  expect(await bid(own, { payeeProof: await proofFor(own) })).toBe("ok");
  expect(bidden(own).payeeProven).toBe(true);
  expect(await bid(pasted)).toBe("ok");
  expect(bidden(pasted).payeeProven).toBe(false);
  expect(await bid(thief, { payeeProof: await proofFor(own) })).toBe("wrong payee proof");
  expect(bidden(thief)).toBeUndefined();
  expect(limiter.drops()).toEqual({ "mis-signed": 1 });
});

test("strikes and a double receipt under a copied address do nothing to the address's owner", async () => {
  const { join, bid, proofFor, bidden, records } = await open();
  const [thief, own] = [await join(), await join()];
  await bid(thief);
  const { bid: made, payeeProven } = bidden(thief);
  const whose = whoseOf({ ...made, payeeProven });
  for (const type of ["strike", "strike", "proof"] as const) records.tell(whose, { type });
  expect(await bid(thief)).toBe("suspended");
  expect(await bid(own, { payeeProof: await proofFor(own) })).toBe("ok");
  expect(await bid(await join())).toBe("ok"); // who pastes it honestly is not held to what the thief did
});

test("a payee that has signed is out with its worker, under whatever key it comes back", async () => {
  const { join, bid, proofFor, bidden, records } = await open();
  const [cheat, again] = [await join(), await join()];
  await bid(cheat, { payeeProof: await proofFor(cheat) });
  const { bid: made, payeeProven } = bidden(cheat);
  for (let i = 0; i < 2; i++) records.tell(whoseOf({ ...made, payeeProven }), { type: "strike" });
  expect(await bid(again, { payeeProof: await proofFor(again) })).toBe("suspended");
});

test("a list of payees lets in who has their signature, and nobody who copies their address", async () => {
  const { join, bid, proofFor } = await open({ allow: [owner.address.toLowerCase()] });
  const [own, thief] = [await join(), await join()];
  expect(await bid(thief)).toBe("denied");
  expect(await bid(own, { payeeProof: await proofFor(own) })).toBe("ok");
});

/** A proof that the key's owner signed two receipts for one segment. */
async function proofOf(keys: Signer): Promise<Uint8Array> {
  const hash = new Uint8Array(32);
  const signed = (encodeMs: number) =>
    sealReceipt(keys, {
      stream: hash,
      award: new Uint8Array(16),
      epoch: 1,
      seq: 0,
      sourceHash: hash,
      renditions: [
        { rung: "240p", initHash: hash, mediaHash: hash, initLen: 1, mediaLen: 1, frames: 1 },
      ],
      encodeMs,
      hardware: "sw",
    });
  return Equivocation.encode({ first: await signed(1), second: await signed(2) });
}

test("a worker that is proved to have signed twice is not hired on the bid it made before", async () => {
  const { join, bid, bidden, events } = await open();
  const [cheat, gossip] = [await join(), await join()];
  expect(await bid(cheat)).toBe("ok");
  await gossip.mesh.publish(PROOFS_TOPIC, await proofOf(cheat.keys));
  await expect.poll(() => events.map(({ type }) => type)).toContain("proved");
  expect(bidden(cheat)).toBeUndefined();
  expect(await bid(cheat)).toBe("suspended");
});

test("worthless proofs, of keys that never worked nor bid, are not kept, and no proven worker is forgotten for them", async () => {
  const { join, bid, records, events } = await open();
  const proven = Array.from({ length: 100 }, (_, i) => ({ worker: `proven ${i}` }));
  for (const whose of proven) for (let i = 0; i < 10; i++) records.tell(whose, { type: "good" });
  const [known, cheat] = [await join(), await join()];
  records.tell({ worker: known.mesh.self }, { type: "good" });
  const made = await Promise.all(Array.from({ length: 20 }, () => Keys.generate()));
  for (const keys of made) await (await join()).mesh.publish(PROOFS_TOPIC, await proofOf(keys));
  await (await join()).mesh.publish(PROOFS_TOPIC, await proofOf(known.keys));
  await expect.poll(() => events.map(({ type }) => type)).toContain("proved");
  expect(await bid(cheat)).toBe("ok");
  await (await join()).mesh.publish(PROOFS_TOPIC, await proofOf(cheat.keys));
  await expect.poll(() => events.filter(({ type }) => type === "proved").length).toBe(2);
  expect(made.map(({ publicKey }) => records.knows({ worker: peerIdOf(publicKey) }))).toEqual(
    made.map(() => false),
  );
  expect(proven.filter((whose) => records.newcomer(whose))).toEqual([]);
});

test("a bid under another name than its bidder's is not taken, even one that holds no key", async () => {
  const { join, bid } = await open();
  const [own, other] = [await join(), await join()];
  for (const worker of [other.mesh.self, "12D3KooWmadeup", "bidder-2"])
    await expect(bid(own, { worker })).rejects.toMatchObject({ code: "MESH_REFUSED" });
  expect(await bid(own)).toBe("ok");
});
