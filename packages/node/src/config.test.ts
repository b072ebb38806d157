import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";

const chain = {
  id: 84_532,
  rpc: "https://one.example/key",
  contract: `0x${"c".repeat(40)}`,
};
const network = { relays: ["/dns4/r.example/tcp/443/wss/p2p/12D3KooWrelay"], chain };
const currency = {
  token: `0x${"1a".repeat(20)}`,
  symbol: "USDC",
  decimals: 6,
  dollars: true,
  perCoin: "3000000000",
};

test("a network may name a second server and what its pots are in", () => {
  const witness = "https://two.example";
  expect(parseConfig({ ...network, chain: { ...chain, witness, currency } }).chain).toEqual({
    ...chain,
    witness,
    currency,
  });
  expect(parseConfig(network).chain).toEqual(chain);
});

test.each<[string, object, string]>([
  ["chain.witness", { witness: "two" }, "a URL"],
  ["chain.witness", { witness: "https://one.example/other" }, "of another server than chain.rpc"],
  ["chain.currency", { currency: null }, "an object"],
  ["chain.currency.token", { currency: { ...currency, token: `0x${"0".repeat(40)}` } }, "a token"],
  ["chain.currency.symbol", { currency: { ...currency, symbol: "US DOLLAR" } }, "letters"],
  ["chain.currency.decimals", { currency: { ...currency, decimals: 1 } }, "2 to 18"],
  ["chain.currency.dollars", { currency: { ...currency, dollars: "yes" } }, "true or false"],
  ["chain.currency.perCoin", { currency: { ...currency, perCoin: "0" } }, "above 0"],
])("a wrong %s is refused: %j", (field, change, said) => {
  const parse = () => parseConfig({ ...network, chain: { ...chain, ...change } });
  expect(parse).toThrow(expect.objectContaining({ reason: { code: "CONFIG_BAD", field } }));
  expect(parse).toThrow(said);
});
