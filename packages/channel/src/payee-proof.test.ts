import { fromHex } from "@tabcast/runtime";
import fc from "fast-check";
import {
  hashTypedData,
  parseSignature,
  recoverTypedDataAddress,
  serializeCompactSignature,
  signatureToCompactSignature,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { replay } from "../test/replay.ts";
import * as PayeeProof from "./payee-proof.ts";
import type { Address, Domain, Hex } from "./types.ts";

const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const owner = privateKeyToAccount(`0x${"11".repeat(32)}`);
const stranger = privateKeyToAccount(`0x${"22".repeat(32)}`);
const worker = new Uint8Array(32).fill(5);
const claim: PayeeProof.Claim = { payee: owner.address, worker };

const compact = (signature: Hex) =>
  fromHex(serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))));

const forged = { code: "PAYEE_PROOF_FORGED" };
const malformed = { code: "PAYEE_PROOF_MALFORMED" };

describe("a payee's proof", () => {
  test("is 64 bytes that hold for its payee and worker, and the same twice", async () => {
    const proof = await PayeeProof.sign(domain, owner, worker);
    expect(proof).toHaveLength(64);
    expect(await PayeeProof.sign(domain, owner, worker)).toEqual(proof);
    await PayeeProof.verify(domain, claim, proof);
    const lower = owner.address.toLowerCase() as Address;
    await PayeeProof.verify(domain, { payee: lower, worker }, proof);
  });

  test("has the digest that wallets make of the typed data", () => {
    expect(PayeeProof.digest(domain, claim)).toBe(
      hashTypedData(PayeeProof.typedData(domain, claim)),
    );
  });

  test("is worth nothing to a peer that copied it", async () => {
    const proof = await PayeeProof.sign(domain, owner, worker);
    const thief = { payee: owner.address, worker: new Uint8Array(32).fill(6) };
    await expect(PayeeProof.verify(domain, thief, proof)).rejects.toMatchObject(forged);
  });

  test.each<[string, Domain]>([
    ["chain", { ...domain, chainId: 1 }],
    ["contract", { ...domain, contract: `0x${"aa".repeat(20)}` }],
  ])("does not count on another %s", async (_, elsewhere) => {
    const proof = await PayeeProof.sign(domain, owner, worker);
    await expect(PayeeProof.verify(elsewhere, claim, proof)).rejects.toMatchObject(forged);
  });

  test("by somebody else is forged, and says by whom", async () => {
    const proof = compact(await stranger.sign({ hash: PayeeProof.digest(domain, claim) }));
    await expect(PayeeProof.verify(domain, claim, proof)).rejects.toMatchObject({
      reason: { ...forged, payee: owner.address, recovered: stranger.address },
    });
  });

  test.each<[string, Uint8Array]>([
    ["of nothing", new Uint8Array(0)],
    ["of 65 bytes", new Uint8Array(65).fill(1)],
    ["of zeros", new Uint8Array(64)],
    ["beyond the curve", new Uint8Array(64).fill(255)],
  ])("%s is malformed", async (_, proof) => {
    await expect(PayeeProof.verify(domain, claim, proof)).rejects.toMatchObject(malformed);
  });

  test("of a worker's key of another length is neither signed nor taken", async () => {
    const short = new Uint8Array(31);
    await expect(PayeeProof.sign(domain, owner, short)).rejects.toMatchObject(malformed);
    const claimed = { payee: owner.address, worker: short };
    const proof = PayeeProof.verify(domain, claimed, new Uint8Array(64));
    await expect(proof).rejects.toMatchObject(malformed);
  });

  test(`with one flipped bit is refused (SEED=${replay.seed})`, async () => {
    const proof = await PayeeProof.sign(domain, owner, worker);
    const bit = fc.nat({ max: 511 });
    await fc.assert(
      fc.asyncProperty(bit, async (at) => {
        const flipped = proof.slice();
        flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
        const checked = PayeeProof.verify(domain, claim, flipped);
        await expect(checked).rejects.toBeInstanceOf(PayeeProof.PayeeProofError);
      }),
      { ...replay, numRuns: Math.min(replay.numRuns, 100) },
    );
  });
});

describe("a browser wallet", () => {
  /** One that answers `eth_signTypedData_v4` as `sign` says. */
  const wallet = (sign: (text: string) => Promise<Hex>) => ({
    address: owner.address,
    provider: {
      request: ({ method, params }: { method: string; params?: unknown }) => {
        if (method !== "eth_signTypedData_v4") throw new TypeError(method);
        return sign((params as [Address, string])[1]);
      },
    },
  });

  test("is given what it shows its owner, and its signature holds", async () => {
    const shown: unknown[] = [];
    const signing = wallet(async (text) => {
      const { domain: of, types, primaryType, message } = JSON.parse(text);
      shown.push([of.name, of.verifyingContract, primaryType, message.payee]);
      const { EIP712Domain: _, ...own } = types;
      return owner.signTypedData({ domain: of, types: own, primaryType, message });
    });
    const proof = await PayeeProof.sign(domain, signing, worker);
    await PayeeProof.verify(domain, claim, proof);
    expect(shown).toEqual([["TabcastPot", domain.contract, "PayeeProof", owner.address]]);
  });

  test("whose owner says no, or that is a contract, or signs with another key, gives no proof", async () => {
    const declines = wallet(() => Promise.reject(new Error("User rejected the request.")));
    await expect(PayeeProof.sign(domain, declines, worker)).rejects.toMatchObject({
      code: "PAYEE_PROOF_DECLINED",
      cause: expect.objectContaining({ message: "User rejected the request." }),
    });
    const contract = wallet(async () => `0x${"11".repeat(96)}`);
    await expect(PayeeProof.sign(domain, contract, worker)).rejects.toMatchObject(malformed);
    const other = wallet(() => stranger.sign({ hash: PayeeProof.digest(domain, claim) }));
    await expect(PayeeProof.sign(domain, other, worker)).rejects.toMatchObject(forged);
  });
});

test("what a wallet signs recovers by the standard's own words", async () => {
  const typed = PayeeProof.typedData(domain, claim);
  const signature = await owner.signTypedData(typed);
  expect(await recoverTypedDataAddress({ ...typed, signature })).toBe(owner.address);
});
