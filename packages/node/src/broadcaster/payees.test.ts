import { type Domain, type Hex, PayeeProof, PayeeProofError } from "@tabcast/channel";
import { fromHex } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { openPayees } from "./payees.ts";

const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const owner = privateKeyToAccount(`0x${"11".repeat(32)}`);
const worker = new Uint8Array(32).fill(1);
const payee = fromHex(owner.address);
const payeeProof = await PayeeProof.sign(domain, owner, worker);

test("a payee is proven by its signature for the worker, named without one, and forged with another's", async () => {
  const payees = openPayees(domain);
  expect(await payees.of({ payee, payeeProof }, worker)).toBe("proven");
  expect(await payees.of({ payee, payeeProof: new Uint8Array(0) }, worker)).toBe("named");
  const thief = new Uint8Array(32).fill(2);
  expect(await payees.of({ payee, payeeProof }, thief)).toBe("forged");
  const elsewhere = openPayees({ ...domain, chainId: 1 });
  expect(await elsewhere.of({ payee, payeeProof }, worker)).toBe("forged");
});

test("a proof that was verified is not verified again until it changes, for 256 workers", async () => {
  const verified: Hex[] = [];
  const payees = openPayees(domain, async (_, claim) => {
    verified.push(claim.payee);
    throw new PayeeProofError(
      { code: "PAYEE_PROOF_MALFORMED", field: "signature" },
      "no signature",
    );
  });
  const ask = (by: number, change = 0) =>
    payees.of(
      { payee, payeeProof: new Uint8Array(64).fill(change) },
      Uint8Array.of(by % 256, by >> 8),
    );
  await ask(0);
  await ask(0);
  expect(verified).toHaveLength(1);
  await ask(0, 1);
  expect(verified).toHaveLength(2);
  for (let by = 1; by <= 256; by++) await ask(by);
  await ask(256);
  expect(verified).toHaveLength(258);
  await ask(0, 1); // made room
  expect(verified).toHaveLength(259);
});

test("a proof that could not be verified is neither proven nor forged", async () => {
  const payees = openPayees(domain, () => Promise.reject(new TypeError("no curve")));
  await expect(payees.of({ payee, payeeProof }, worker)).rejects.toThrow("no curve");
});
