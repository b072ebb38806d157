import { concatHex, type Hex, hashTypedData, recoverAddress, slice, toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { type Authorization, nonceOf, sign } from "./authorization.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const { signal } = new AbortController();

/** What a wallet is asked to sign, and by whom what came of it is signed. */
async function signedBy(change: (signature: Hex) => Hex) {
  const account = privateKeyToAccount(generatePrivateKey());
  let hash: Hex = "0x";
  const wallet = {
    address: account.address,
    provider: {
      async request({ method, params }: { method: string; params?: unknown }) {
        if (method === "eth_chainId") return "0x7a69";
        const [, json] = params as [string, string];
        const { EIP712Domain: _, ...types } = JSON.parse(json).types;
        const typed = { ...JSON.parse(json), types };
        hash = hashTypedData(typed);
        return change(await account.signTypedData(typed));
      },
    },
  };
  const signature = await asked(wallet);
  const signer = await recoverAddress({ hash, signature });
  const [s, v] = [BigInt(slice(signature, 32, 64)), Number(slice(signature, 64, 65))];
  return { own: signer === account.address, low: s <= ORDER / 2n, v };
}

const vOf = (signature: Hex) => Number(slice(signature, 64, 65));
/** The same signature with its s in the upper half. */
const high = (signature: Hex) =>
  concatHex([
    slice(signature, 0, 32),
    toHex(ORDER - BigInt(slice(signature, 32, 64)), { size: 32 }),
    toHex(55 - vOf(signature)),
  ]);
const fromZero = (signature: Hex) =>
  concatHex([slice(signature, 0, 64), toHex(vOf(signature) - 27, { size: 1 })]);

const meant: Authorization = {
  ...{ amount: "5", validBefore: 9_999_999_999, authSalt: toHex(1, { size: 32 }), signerGas: "0" },
};
const contract = `0x${"c0".repeat(20)}` as const;
const token = { name: "USD Coin", version: "2", chainId: 31_337, verifyingContract: contract };
const potId = toHex(2, { size: 32 });
const account = privateKeyToAccount(generatePrivateKey());
/** A wallet that answers with something of its own when it is asked to sign. */
const answering = (given: unknown, address = account.address) => ({
  address,
  provider: {
    request: async ({ method }: { method: string }) =>
      method === "eth_chainId" ? "0x7a69" : given,
  },
});
const asked = (wallet: Parameters<typeof sign>[0]) =>
  sign(wallet, meant, { token, contract, potId, signal });

test("what is signed lets the contract alone take exactly the amount, from the first second to the last", async () => {
  let typed: { domain?: unknown; message?: unknown } = {};
  await asked({
    address: account.address,
    provider: {
      async request({ method, params }: { method: string; params?: unknown }) {
        if (method === "eth_chainId") return "0x7a69";
        typed = JSON.parse((params as string[])[1] ?? "");
        const { EIP712Domain: _, ...types } = (typed as { types: Record<string, unknown> }).types;
        return account.signTypedData({ ...typed, types } as never);
      },
    },
  });
  expect(typed.domain).toEqual(token);
  expect(typed.message).toEqual({
    ...{ from: account.address, to: contract, value: "5" },
    ...{ validAfter: "0", validBefore: "9999999999", nonce: nonceOf(potId, meant) },
  });
});

test("a signature in 65 bytes by another key is refused, and says whose it is not", async () => {
  const other = await privateKeyToAccount(generatePrivateKey()).signMessage({ message: "" });
  await expect(asked(answering(other))).rejects.toMatchObject({
    reason: { code: "CHAIN_TOKEN_SIGNATURE", account: account.address, bytes: 65 },
    message: expect.stringContaining("is not by the key of"),
  });
});

test("65 bytes that are nobody's signature are refused", async () => {
  await expect(asked(answering(`0x${"ff".repeat(65)}`))).rejects.toMatchObject({
    reason: { code: "CHAIN_TOKEN_SIGNATURE", bytes: 65 },
  });
});

test.each([
  ["a contract's signature of 66 bytes", `0x${"11".repeat(66)}`, 66],
  ["one of 64 bytes", `0x${"11".repeat(64)}`, 64],
  ["nothing", undefined, 0],
  ["a text that is no bytes", "yes", 0],
  ["a number", 5, 0],
])("%s is refused, and how long it was is told", async (_, given, bytes) => {
  await expect(asked(answering(given))).rejects.toMatchObject({
    reason: { code: "CHAIN_TOKEN_SIGNATURE", bytes },
    message: expect.stringContaining(`${bytes} bytes`),
  });
});

test.each([
  ["as most sign", (signature: Hex) => signature],
  ["with s in the upper half", high],
  ["with v from 0", fromZero],
  ["with both", (signature: Hex) => fromZero(high(signature))],
])(
  "a wallet's signature %s is given to the token with a low s and v 27 or 28",
  async (_, change) => {
    // Both parities of v come up among so many keys.
    for (let times = 0; times < 12; times++) {
      const { own, low, v } = await signedBy(change);
      expect({ own, low }).toEqual({ own: true, low: true });
      expect([27, 28]).toContain(v);
    }
  },
);
