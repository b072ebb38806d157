import { describe, expect, test } from "vitest";
import { Amount, CodedError, describe as tell, toError } from "./index.ts";

class LaneError extends CodedError<{ code: "LANE_LOW"; held: Amount }> {}

describe("errors", () => {
  test("carry a code to branch on and the values that belong to it", () => {
    const error = new LaneError({ code: "LANE_LOW", held: Amount.of(5) }, "held 5 wei");
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("LaneError");
    expect(error.code).toBe("LANE_LOW");
    expect(error.reason.held).toBe(5n);
  });

  test("are told in one line down to their deepest cause", () => {
    const deep = new Error("the disk is full");
    const middle = new Error("the voucher was not stored", { cause: deep });
    const top = new LaneError({ code: "LANE_LOW", held: Amount.zero }, "no payment", {
      cause: middle,
    });
    expect(tell(top)).toBe("no payment: the voucher was not stored: the disk is full");
  });

  test("are told once where a message quotes its cause already, whatever its capitals", () => {
    const cause = new Error("Decoding error");
    const quoting = new Error("corrupt video at 1.000 s: Decoding error", { cause });
    expect(tell(quoting)).toBe("corrupt video at 1.000 s: Decoding error");
    expect(tell(new Error("no segment", { cause: quoting }))).toBe(
      "no segment: corrupt video at 1.000 s: Decoding error",
    );
    const field = new Error("Announce.height must be even", {
      cause: new Error("the disk is full"),
    });
    expect(tell(new Error("refused: announce.height must be even", { cause: field }))).toBe(
      "refused: announce.height must be even: the disk is full",
    );
  });

  test("are told to an end where a cause leads back to its error", () => {
    const one = new Error("one");
    one.cause = new Error("two", { cause: one });
    expect(tell(one)).toBe("one: two");
  });

  test("come out of anything that was thrown", () => {
    expect(toError("text").message).toBe("text");
    expect(toError({ error: new Error("inside an event") }).message).toBe("inside an event");
    expect(toError(undefined).message).toBe("unknown failure: undefined");
  });
});
