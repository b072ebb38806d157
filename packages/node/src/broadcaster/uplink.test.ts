import { type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Courier, Delivery, JobTerms, Segment, SendOptions } from "./delivery.ts";
import { openUplink } from "./uplink.ts";

const signal = new AbortController().signal;
const terms = {} as JobTerms;
const delivery = {} as Delivery;
const init = new Uint8Array(10);

/** An uplink whose uploads and answers come when the test says so, on a clock that stands still. */
function open() {
  let now = 0;
  const sleeps: (() => void)[] = [];
  const sends: { seq: number; uploaded: () => void; answer: (error?: Error) => void }[] = [];
  const begun: number[] = [];
  const courier: Pick<Courier, "send"> = {
    send: ({ seq }: Segment, _: JobTerms, { uploaded }: SendOptions) =>
      new Promise((resolve, reject) => {
        const answer = (error?: Error) => (error ? reject(error) : resolve(delivery));
        sends.push({ seq, uploaded, answer });
      }),
  };
  const uplink = openUplink(
    {
      clock: {
        ...systemClock,
        now: () => now as Millis,
        sleep: () => new Promise<void>((resolve) => sleeps.push(resolve)),
      },
    },
    courier as Courier,
  );
  const send = (seq: number, bytes?: number) => {
    const captured = bytes !== undefined && { video: { media: new Uint8Array(bytes) } };
    const segment = { seq, init, captured: captured || undefined } as Segment;
    const begin = () => void begun.push(seq);
    return uplink.send(segment, terms, { signal, begin, heard() {}, part() {} });
  };
  const pass = (ms: number) => {
    now += ms;
  };
  const sending = (count: number) => expect.poll(() => sends.length).toBe(count);
  return { uplink, send, sends, begun, sleeps, pass, sending };
}

test("complete segments leave one at a time, and the time that each took is told", async () => {
  const { send, sends, begun, pass, sending } = open();
  const first = send(1, 990);
  const second = send(2, 990);
  await sending(1);
  expect(begun).toEqual([1]);
  pass(250);
  sends[0]?.uploaded();
  await sending(2);
  expect(begun).toEqual([1, 2]);
  sends[0]?.answer();
  sends[1]?.answer();
  expect((await first).upload).toEqual({ bytes: 1_000, ms: 250 });
  expect((await second).upload).toBeUndefined(); // its answer came before its last byte was known to be there
});

test("a segment that is still being made waits for no other", async () => {
  const { send, sends, begun, sending } = open();
  const [first, open1] = [send(1, 990), send(2)];
  await sending(2);
  expect(begun.toSorted()).toEqual([1, 2]);
  for (const { answer } of sends) answer();
  expect(await open1).toEqual({ delivery, upload: undefined });
  await first;
});

test.each(["fails", "takes no bytes for 3 s"])(
  "a segment whose upload %s lets the next one leave",
  async (how) => {
    const { send, sends, sleeps, sending } = open();
    const first = send(1, 990);
    const failed = expect(first).rejects.toThrow("gone");
    const second = send(2, 990);
    await sending(1);
    if (how === "fails") sends[0]?.answer(new Error("gone"));
    else sleeps[0]?.();
    await sending(2);
    sends[0]?.answer(new Error("gone"));
    sends[1]?.answer();
    await failed;
    await second;
  },
);

test("an uplink is free as soon as what was reserved has left", async () => {
  const { uplink, send, sends, pass, sending } = open();
  uplink.reserve(900);
  const sent = send(1, 990);
  await sending(1);
  expect(uplink.freeAt()).toBe(900);
  pass(400);
  sends[0]?.uploaded();
  expect(uplink.freeAt()).toBe(400);
  sends[0]?.answer();
  await sent;
});
