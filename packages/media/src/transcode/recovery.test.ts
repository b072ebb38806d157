import { describe, expect, test } from "vitest";
import { MediaError } from "../errors.ts";
import { lastWord, nextTry } from "./recovery.ts";

const coder = (name: string) =>
  new MediaError({ code: "MEDIA_ENCODER", codec: "avc" }, "encoder", {
    cause: new DOMException("why", name),
  });
const corrupt = new MediaError({ code: "MEDIA_CORRUPT", at: 0 as never }, "corrupt");
const malformed = new MediaError({ code: "MEDIA_MALFORMED", at: 0 }, "malformed");
const asked = (
  hardware: boolean,
  acceleration: HardwareAcceleration = "no-preference",
  tries = 1,
) => ({
  tries,
  acceleration,
  mayBeHardware: async () => hardware,
});

describe("a failed pass is made again", () => {
  const software = "prefer-software";
  const cases: [string, unknown, ReturnType<typeof asked>, HardwareAcceleration | undefined][] = [
    ["a reclaimed coder", coder("QuotaExceededError"), asked(false), software],
    [
      "reclaimed while hardware was wanted",
      coder("QuotaExceededError"),
      asked(true, "prefer-hardware"),
      software,
    ],
    ["reclaimed from software", coder("QuotaExceededError"), asked(false, software, 2), software],
    [
      "reclaimed for the third time",
      coder("QuotaExceededError"),
      asked(true, software, 3),
      undefined,
    ],
    ["a failed encoder that may be hardware", coder("OperationError"), asked(true), software],
    ["a failed encoder that is software", coder("OperationError"), asked(false), undefined],
    [
      "a failed encoder asked to be software",
      coder("OperationError"),
      asked(true, software),
      undefined,
    ],
    ["corrupt for a decoder that may be hardware", corrupt, asked(true), software],
    ["corrupt for a software decoder", corrupt, asked(false), undefined],
    ["a malformed container", malformed, asked(true), undefined],
    ["an abort", new DOMException("stop", "AbortError"), asked(true), undefined],
  ];
  for (const [name, error, how, next] of cases)
    test(`${name}: ${next ?? "not again"}`, async () => {
      expect(await nextTry(error, how)).toBe(next);
    });
});

test("a job that lost its coders every time says so and how often, any other failure stays as it is", () => {
  expect(lastWord(coder("QuotaExceededError"), "avc", 3)).toMatchObject({
    reason: { code: "MEDIA_RECLAIMED", codec: "avc", tries: 3 },
  });
  expect(lastWord(corrupt, "avc", 1)).toBe(corrupt);
});
