import assert from "node:assert/strict";
import { test } from "vitest";
import { codesIn, makePage, readDoc } from "./errors.mjs";

test("a code without a docstring that says what to do is named with its line", () => {
  const source = `/** Bad. */
export type XReason =
  /** It is full. Do: wait. */
  | { code: "X_FULL"; most: number }
  | { code: "X_ODD" };
export class XError extends CodedError<XReason> {}
/** Gone. Do: stop. */
export class YError extends CodedError<{ code: "Y_GONE" }> {}`;
  const codes = codesIn("x.ts", source);
  assert.deepEqual(
    codes.map(({ code, owner, line }) => [code, owner, line]),
    [
      ["X_FULL", "XError", 4],
      ["X_ODD", "XError", 5],
      ["Y_GONE", "YError", 8],
    ],
  );
  const { page, lacking } = makePage([{ file: "x.ts", codes }]);
  assert.ok(page.includes("| `X_FULL` (most) | It is full. | Wait. |"));
  assert.ok(page.includes("| `Y_GONE` | Gone. | Stop. |"));
  assert.deepEqual(lacking, ['x.ts:5: X_ODD needs a docstring "Meaning. Do: what to do."']);
  assert.equal(readDoc("It is full."), undefined);
});
