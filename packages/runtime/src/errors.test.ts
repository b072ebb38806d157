import { describe, expect, test } from "vitest";
import { CodedError, describe as tell, toError, Wei } from "./index.ts";

class LaneError extends CodedError<{ code: "LANE_LOW"; held: Wei }> {}

describe("errors", () => {
  test("carry a code to branch on and the values that belong to it", () => {
    const error = new LaneError({ code: "LANE_LOW", held: Wei.of(5) }, "held 5 wei");
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("LaneError");
    expect(error.code).toBe("LANE_LOW");
    expect(error.reason.held).toBe(5n);
  });

  test("are told in one line down to their deepest cause", () => {
    const deep = new Error("the disk is full");
    const middle = new Error("the voucher was not stored", { cause: deep });
    const top = new LaneError({ code: "LANE_LOW", held: Wei.zero }, "no payment", {
      cause: middle,
    });
    expect(tell(top)).toBe("no payment: the voucher was not stored: the disk is full");
  });

  test("come out of anything that was thrown", () => {
    expect(toError("text").message).toBe("text");
    expect(toError({ error: new Error("inside an event") }).message).toBe("inside an event");
    expect(toError(undefined).message).toBe("unknown failure: undefined");
  });
});
