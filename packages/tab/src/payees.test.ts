import { PayeeProof } from "@tabcast/channel";
import { Keys } from "@tabcast/protocol";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { ear, network, openStage } from "../test/stage.ts";

const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
const payee = account.address;
const domain = { chainId: network.chain.id, contract: network.chain.contract };

/** A browser's wallet over the same key, whose owner answers each request as the list says. */
function browserWallet(answers: ("yes" | "no")[]) {
  const provider = {
    async request({ params }: { method: string; params?: unknown }) {
      if (answers.shift() !== "yes") throw new Error("User rejected the request.");
      const { types, ...typed } = JSON.parse((params as [string, string])[1]);
      const { EIP712Domain: _, ...own } = types;
      return account.signTypedData({ ...typed, types: own });
    },
  };
  return { provider, address: payee };
}

test("a key of this tab signs for it unasked, and its bids show that", async () => {
  const stage = await openStage();
  const { tab } = stage.tab();
  const heard = ear();
  await tab.worker.start({ payee, wallet: account, on: heard.on });
  await stage.offer();
  await heard.next("bid");
  const { seed } = await tab.join();
  const { publicKey } = await Keys.fromSeed(seed);
  const [proof = new Uint8Array(0)] = stage.proofs;
  await PayeeProof.verify(domain, { payee, worker: publicKey }, proof);
  await tab.close();
});

test("a browser's wallet signs once when it is asked, and never by itself", async () => {
  const { tab } = (await openStage()).tab();
  const answers: ("yes" | "no")[] = ["yes"];
  const who = { payee, wallet: browserWallet(answers) };
  expect(await tab.payees.proof(who)).toBeUndefined();
  expect(answers).toHaveLength(1);
  await tab.payees.sign(who);
  expect(await tab.payees.proof(who)).toHaveLength(64);
  expect(answers).toHaveLength(0);
  await tab.close();
});

test("a wallet that declines is not paid any less: the tab bids without a proof", async () => {
  const stage = await openStage();
  const { tab } = stage.tab();
  const heard = ear();
  const who = { payee, wallet: browserWallet(["no"]) };
  await expect(tab.payees.sign(who)).rejects.toMatchObject({ code: "PAYEE_PROOF_DECLINED" });
  await tab.worker.start({ ...who, on: heard.on });
  await stage.offer();
  await heard.next("bid");
  expect(stage.proofs).toEqual([new Uint8Array(0)]);
  await tab.close();
});

test("a pasted address has no proof, and neither has one that is not the wallet's own", async () => {
  const { tab } = (await openStage()).tab();
  expect(await tab.payees.proof({ payee })).toBeUndefined();
  const other = `0x${"e".repeat(40)}` as const;
  expect(await tab.payees.proof({ payee: other, wallet: account })).toBeUndefined();
  await tab.close();
});
