import { expect, test } from "vitest";
import { BUDGET, type Buffer, pacer } from "./pace.ts";

/** A send buffer that drains when told, and fires as the browser does: when the amount falls to the threshold or below. */
class FakeBuffer extends EventTarget implements Buffer {
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;

  drain(bytes: number): void {
    const before = this.bufferedAmount;
    this.bufferedAmount = Math.max(0, before - bytes);
    if (
      before > this.bufferedAmountLowThreshold &&
      this.bufferedAmount <= this.bufferedAmountLowThreshold
    )
      this.dispatchEvent(new Event("bufferedamountlow"));
  }
}

const MESSAGE = 64 * 1024;
const forever = new AbortController().signal;

test.each([1, 2, 3, 8, 32])(
  "%i streams share one budget, and all of them finish",
  async (count) => {
    const pace = pacer();
    const buffers = Array.from({ length: count }, () => new FakeBuffer());
    let most = 0;
    const sums = () => buffers.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
    const sent = buffers.map(() => 0);
    const leaves = buffers.map((buffer) => pace.join(buffer));
    const all = Promise.all(
      buffers.map(async (buffer, i) => {
        for (let message = 0; message < 20; message++) {
          await pace.turn(
            MESSAGE,
            () => {
              buffer.bufferedAmount += MESSAGE;
              sent[i] = message + 1;
              most = Math.max(most, sums());
            },
            forever,
          );
        }
      }),
    );
    // Small steps: a buffer must be heard of on the way down, not only when it is empty.
    let finished = false;
    void all.then(() => {
      finished = true;
    });
    for (let step = 0; step < 100_000 && !finished; step++) {
      for (const [i, buffer] of buffers.entries()) {
        // The first ones get more of the way, finish earlier and leave.
        buffer.drain(1200 * (count - i));
        if (sent[i] === 20 && buffer.bufferedAmount === 0) leaves[i]?.();
      }
      await Promise.resolve();
    }
    expect(finished).toBe(true);
    expect(sent).toEqual(buffers.map(() => 20));
    expect(most).toBeLessThanOrEqual(BUDGET);
  },
);

test("streams take turns, so that none waits for another's whole body", async () => {
  const pace = pacer();
  const [a, b] = [new FakeBuffer(), new FakeBuffer()];
  pace.join(a);
  pace.join(b);
  const order: string[] = [];
  const pour = async (name: string, buffer: FakeBuffer) => {
    for (let i = 0; i < 4; i++)
      await pace.turn(
        BUDGET,
        () => {
          order.push(name);
          buffer.bufferedAmount += BUDGET;
        },
        forever,
      );
  };
  const both = Promise.all([pour("a", a), pour("b", b)]);
  while (order.length < 8) {
    a.drain(BUDGET);
    b.drain(BUDGET);
    await Promise.resolve();
  }
  await both;
  expect(order.join("")).toBe("abababab");
});

test("an aborted send loses its turn, and a closed stream's bytes no longer count", async () => {
  const pace = pacer();
  const [a, b] = [new FakeBuffer(), new FakeBuffer()];
  const leave = pace.join(a);
  pace.join(b);
  const fill = () => {
    a.bufferedAmount += BUDGET;
  };
  await pace.turn(BUDGET, fill, forever);
  const given = new AbortController();
  const aborted = pace.turn(MESSAGE, () => expect.unreachable(), given.signal);
  let sent = false;
  const send = () => {
    sent = true;
  };
  const next = pace.turn(MESSAGE, send, forever);
  given.abort(new Error("given up"));
  await expect(aborted).rejects.toThrow("given up");
  expect(sent).toBe(false);
  leave();
  await next;
  expect(sent).toBe(true);
  await expect(pace.turn(1, () => {}, AbortSignal.abort())).rejects.toMatchObject({
    name: "AbortError",
  });
});

test("a send that throws rejects its own turn and no other", async () => {
  const pace = pacer();
  const fail = () => {
    throw new Error("closed");
  };
  await expect(pace.turn(1, fail, forever)).rejects.toThrow("closed");
  await pace.turn(1, () => {}, forever);
});
