import { expect, test } from "vitest";
import { checkAddress } from "./address.ts";

const contract = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const mine = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const error = (text: string) => {
  const checked = checkAddress(text, contract);
  return "error" in checked ? checked.error : undefined;
};

test("an address with a right checksum, or in small letters, is taken, spaces around it or not", () => {
  expect(checkAddress(` ${mine} `, contract)).toEqual({ address: mine });
  expect(error(mine.toLowerCase())).toBeUndefined();
});

test.each([
  ["a name", "vitalik.eth", "Names are not looked up"],
  ["too few digits", mine.slice(0, -1), "this has 41 characters"],
  ["a wrong checksum", mine.replace("Fd6e", "fd6e"), "capital letters"],
  ["the zero address", `0x${"0".repeat(40)}`, "Nobody owns"],
  ["the contract", contract.toLowerCase(), "the pot contract itself"],
])("%s is refused in words", (_, text, said) => {
  expect(error(text)).toContain(said);
});
