import { expect, test } from "vitest";
import type { Fragment } from "../types.ts";
import { type Cut, type Leaving, Outlet, type OutletOptions } from "./outlet.ts";

const fragment: Fragment = {
  init: new Uint8Array(1),
  media: new Uint8Array(1),
  codecs: "avc1.4d401f",
  frames: 1,
};
const cut = (seq: number, more: Partial<Cut> = {}): Cut => ({
  start: seq * 1000,
  end: (seq + 1) * 1000,
  capturedAt: 0,
  video: Promise.resolve(fragment),
  ...more,
});

function outlet(options: Partial<OutletOptions>) {
  const sent: number[] = [];
  const made = new Outlet({
    send: (leaving) => {
      if ("segment" in leaving) sent.push(leaving.segment.seq);
    },
    full: "wait",
    bound: 2,
    realTime: false,
    ...options,
  });
  return { made, sent };
}
/** Lets everything that is not waiting for somebody run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a live source is refused when its reader is eight behind, by the oldest unread", async () => {
  const { made, sent } = outlet({ full: "refuse", bound: 8 });
  for (let seq = 0; seq < 3; seq++) await made.emit(cut(seq));
  await settle();
  for (let i = 0; i < 3; i++) made.taken();
  for (let seq = 3; seq < 11; seq++) await made.emit(cut(seq));
  await settle();
  expect(sent).toHaveLength(11);
  await made.emit(cut(11));
  await expect(made.emit(cut(12))).rejects.toMatchObject({
    code: "MEDIA_OVERRUN",
    reason: { seq: 3, bound: 8 },
  });
  expect(sent).toHaveLength(11);
});

test("a file waits for its reader, and goes on in order", async () => {
  const { made, sent } = outlet({});
  const emits = [0, 1, 2, 3].map((seq) => made.emit(cut(seq)));
  await settle();
  expect(sent).toEqual([0, 1]);
  made.taken();
  await settle();
  expect(sent).toEqual([0, 1, 2]);
  made.taken();
  await Promise.all(emits);
  await made.finish();
  expect(sent).toEqual([0, 1, 2, 3]);
});

test("sound is asked for in order, and a segment leaves when both are ready", async () => {
  const { made, sent } = outlet({ bound: 9 });
  const asked: number[] = [];
  let ready = (_: Fragment) => {};
  const slow = new Promise<Fragment>((resolve) => {
    ready = resolve;
  });
  const audio = (seq: number) => async () => {
    asked.push(seq);
    return fragment;
  };
  void made.emit(cut(0, { video: slow, audio: audio(0) }));
  void made.emit(cut(1, { audio: audio(1) }));
  await settle();
  expect([asked, sent]).toEqual([[0], []]);
  ready(fragment);
  await made.finish();
  expect([asked, sent]).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test("what fails while leaving is heard by whoever emits or finishes next", async () => {
  const { made } = outlet({});
  await made.emit(cut(0, { video: Promise.reject(new Error("encoder")) }));
  await expect(made.emit(cut(1))).rejects.toThrow("encoder");
  await expect(made.finish()).rejects.toThrow("encoder");
});

test("a begun segment leaves in pieces, is closed before its sound is there, and is one of those unread", async () => {
  const left: Leaving[] = [];
  const send = (leaving: Leaving) => void left.push(leaving);
  const { made } = outlet({ send, full: "refuse", bound: 2, early: true });
  const begin = made.opener((start) => 7_000 + start);
  const begun = (seq: number) => ({
    start: seq * 1000,
    duration: 1000,
    frameRate: 25,
    init: new Uint8Array(1),
  });
  begin?.(begun(0))(new Uint8Array(3));
  let heard = (_: Fragment) => {};
  const sound = new Promise<Fragment>((resolve) => {
    heard = resolve;
  });
  void made.emit(cut(0, { audio: () => sound }));
  begin?.(begun(1));
  await settle();
  expect(left).toEqual([
    { begun: { ...begun(0), seq: 0, capturedAt: 7_000 } },
    { piece: new Uint8Array(3), of: 0 },
    { begun: { ...begun(1), seq: 1, capturedAt: 8_000 } },
    { closed: { codecs: "avc1.4d401f", frames: 1, duration: 1000 }, of: 0 },
  ]);
  expect(() => begin?.(begun(2))).toThrow(expect.objectContaining({ code: "MEDIA_OVERRUN" }));
  made.taken();
  heard(fragment);
  await settle();
  void made.emit(cut(1));
  await made.finish();
  expect(left.slice(4)).toEqual([
    { sound: fragment, of: 0 },
    { closed: { codecs: "avc1.4d401f", frames: 1, duration: 1000 }, of: 1 },
    { sound: undefined, of: 1 },
  ]);
});
