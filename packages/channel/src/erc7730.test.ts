/** The words in which a wallet shows what it signs (ERC-7730), held against the contract's ABI and our typed data. */
import { readFileSync } from "node:fs";
import { tabcastPotAbi } from "@tabcast/contracts";
import { type AbiFunction, type AbiParameter, parseAbiItem, toFunctionSelector } from "viem";
import { expect, test } from "vitest";
import * as PayeeProof from "./payee-proof.ts";

interface Field {
  readonly path: string;
  readonly label: string;
  readonly format: string;
  readonly params?: { readonly tokenPath?: string; readonly nativeCurrencyAddress?: string };
}
interface Format {
  readonly $id: string;
  readonly intent: string;
  readonly fields: readonly Field[];
  readonly required: readonly string[];
  readonly excluded: readonly string[];
}
interface Descriptor {
  readonly context: {
    readonly eip712?: {
      readonly domain: { readonly name: string };
      readonly schemas: readonly { readonly primaryType: string; readonly types: object }[];
    };
  };
  readonly display: { readonly formats: { readonly [signature: string]: Format } };
}

const read = (name: string): Descriptor =>
  JSON.parse(
    readFileSync(new URL(`../../contracts/erc7730/${name}.json`, import.meta.url), "utf8"),
  );
const calls = read("calldata-TabcastPot");
const proof = read("eip712-TabcastPot-PayeeProof");

/** Every value of a call, by its path; of a list's items by one path for all. */
function leaves(inputs: readonly AbiParameter[], above = ""): ReadonlyMap<string, string> {
  return new Map(
    inputs.flatMap((input): [string, string][] =>
      "components" in input
        ? [
            ...leaves(
              input.components,
              `${above}${input.name}${input.type.endsWith("[]") ? ".[]" : ""}.`,
            ),
          ]
        : [[`${above}${input.name}`, input.type]],
    ),
  );
}

const functions = tabcastPotAbi.filter((item) => item.type === "function");
const functionOf = (signature: string): AbiFunction => {
  const selector = toFunctionSelector(signature);
  const found = functions.find((item) => toFunctionSelector(item as AbiFunction) === selector);
  if (found === undefined) throw new Error(`the contract has no function ${signature}`);
  return found as AbiFunction;
};

/** The types that each format shows. */
const shows: Readonly<Record<string, RegExp>> = {
  tokenAmount: /^uint/,
  amount: /^uint/,
  duration: /^uint/,
  date: /^uint/,
  addressName: /^address$/,
  raw: /./,
};

const formats = Object.entries(calls.display.formats).map(
  ([signature, format]) => [format.$id, signature, format] as const,
);

test.each(formats)(
  "%s is a function of the contract, with its parameters' names",
  (id, signature) => {
    const item = functionOf(signature);
    expect(item.name).toBe(id);
    const named = parseAbiItem(`function ${signature}`) as AbiFunction;
    expect([...leaves(named.inputs)]).toEqual([...leaves(item.inputs)]);
  },
);

test.each(formats)("every value of %s is shown or left out on purpose", (_, signature, format) => {
  const all = leaves(functionOf(signature).inputs);
  const shown = format.fields.map(({ path }) => path);
  expect([...shown, ...format.excluded].sort()).toEqual([...all.keys()].sort());
  expect(format.required).toEqual(shown);
});

test.each(formats)("every value of %s is shown in a form of its type", (_, signature, format) => {
  const all = leaves(functionOf(signature).inputs);
  for (const { path, format: form, params } of format.fields) {
    expect(all.get(path), path).toMatch(shows[form] ?? /never/);
    if (form !== "tokenAmount") continue;
    // A pot's token is zero where it holds the chain's own coin.
    expect(all.get(params?.tokenPath ?? "")).toBe("address");
    expect(params?.nativeCurrencyAddress).toMatch(/^0x0{40}$/);
  }
});

test("what a person is asked to send has words: each way that pages and towers deposit, claim, withdraw and close", () => {
  const told = formats.map(([id]) => id);
  const ways = ["deposit", "depositWithAuthorization", "claimAsWatchtower", "withdraw"];
  for (const name of [...ways, "withdrawTo", "startClose", "finalizeClose"])
    expect(told).toContain(name);
});

test("who moves an amount reads first whether it goes in or out", () => {
  const spending = formats.filter(([, , { fields }]) =>
    fields.some(({ path }) => path === "amount"),
  );
  for (const [id, , { intent }] of spending) expect(intent, id).toMatch(/^(Deposit|Withdraw) /);
});

test("intents and labels are short enough for a small screen", () => {
  const all = [...formats.map(([, , format]) => format), ...Object.values(proof.display.formats)];
  for (const { intent, fields } of all) {
    expect(intent.length, intent).toBeLessThanOrEqual(48);
    for (const { label } of fields) expect(label.length, label).toBeLessThanOrEqual(32);
  }
});

test("the payee's proof is described as our wallets are asked to sign it", () => {
  const worker = new Uint8Array(32);
  const payee = `0x${"ab".repeat(20)}` as const;
  const typed = PayeeProof.typedData({ chainId: 1, contract: payee }, { payee, worker });
  const { domain, schemas } = proof.context.eip712 ?? { domain: { name: "" }, schemas: [] };
  expect(domain.name).toBe(typed.domain.name);
  expect(schemas).toHaveLength(1);
  expect(schemas[0]?.primaryType).toBe(typed.primaryType);
  expect(schemas[0]?.types).toMatchObject(typed.types);
  const format = proof.display.formats[typed.primaryType];
  expect(format?.fields.map(({ path }) => path)).toEqual(Object.keys(typed.message));
});
