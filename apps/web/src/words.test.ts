import { CodedError } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { words } from "./words.ts";

test("what the chain and the wallet refuse is said in plain words", () => {
  const chain = (code: string) => words(new CodedError({ code }, "0x deadbeef"));
  expect(chain("CHAIN_REJECTED").title).toBe("You declined in the wallet");
  expect(chain("CHAIN_INSUFFICIENT").title).toContain("Not enough money");
  expect(chain("CHAIN_WRONG_ID").title).toContain("another network");
  // A wallet's own errors come wrapped, with the number of EIP-1193 inside.
  const declined = Object.assign(new Error("User rejected the request."), { code: 4001 });
  expect(words(new Error("could not connect", { cause: declined })).title).toBe(
    "You declined in the wallet",
  );
});

test("a device that refuses says which one, and what to do", () => {
  const refused = new DOMException("denied", "NotAllowedError");
  expect(words(refused, "camera")).toEqual({
    title: "Permission for the camera was refused",
    advice: "Allow the camera in the browser's address bar, then choose it again.",
  });
  expect(words(new DOMException("none", "NotFoundError"), "camera").title).toContain("No camera");
  const gone = new DOMException("deviceId", "OverconstrainedError");
  expect(words(gone, "microphone").title).toBe("That microphone is not there any more");
  // A dialog that was closed looks like a refusal; nobody has to look for the address bar then.
  expect(words(refused, "screen").title).toBe("Nothing was shared");
});

test("anything else keeps its own message", () => {
  expect(words(new CodedError({ code: "MEDIA_CODEC" }, "cannot decode hvc1"), "file")).toEqual({
    title: "The file cannot be used",
    advice: "cannot decode hvc1",
  });
});
