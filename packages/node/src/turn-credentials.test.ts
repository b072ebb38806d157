import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { askPath, iceServersOf, parseCredentials } from "./turn-credentials.ts";

const turn = { urls: ["stun:turn.example.org", "turn:turn.example.org"], credentials: "/turn" };
const given = (n: number, ttl = 100) => ({ username: `user ${n}`, password: `secret ${n}`, ttl });
const asServer = (n: number) => ({
  urls: turn.urls,
  username: `user ${n}`,
  credential: `secret ${n}`,
});

/** Servers whose path answers as the list says, at a time that the test sets: milliseconds. */
function open(answers: (object | Error)[], servers = [turn]) {
  const time = { now: 0, slept: 0 };
  const asked: string[] = [];
  const troubles: Error[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => time.now as Millis,
    unix: () => (1e12 + time.now + time.slept) as Millis,
  };
  const now = iceServersOf({ clock }, servers, {
    trouble: (error) => troubles.push(error),
    async ask(path) {
      asked.push(path);
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
      return answer;
    },
  });
  return { now, time, asked, troubles };
}

test("credentials are asked for once, and again after three quarters of their life, while the old ones still do", async () => {
  const { now, time, asked } = open([given(1), given(2)]);
  expect(await Promise.all([now(), now()])).toEqual([[asServer(1)], [asServer(1)]]);
  time.now = 74_999;
  expect(await now()).toEqual([asServer(1)]);
  expect(asked).toEqual(["/turn"]);
  time.now = 75_000;
  // Nobody waits for the new ones.
  expect(await now()).toEqual([asServer(1)]);
  await expect.poll(now).toEqual([asServer(2)]);
  expect(asked).toEqual(["/turn", "/turn"]);
});

test("credentials that are over are not used: STUN is left, and the path is asked again after five seconds", async () => {
  const { now, time, asked, troubles } = open([given(1), new Error("down"), {}, given(2)]);
  await now();
  time.now = 100_000;
  expect(await now()).toEqual([{ urls: ["stun:turn.example.org"] }]);
  time.now = 104_999;
  await now();
  expect(asked).toHaveLength(2);
  time.now = 105_000;
  await now();
  expect(asked).toHaveLength(3);
  expect(troubles.map(({ message }) => message)).toEqual(["down"]);
  time.now = 110_000;
  expect(await now()).toEqual([asServer(2)]);
});

test("credentials that ran out while the machine slept are over, and a clock that is set back has none asked for", async () => {
  const { now, time, asked } = open([given(1), given(2)]);
  await now();
  // The monotonic time of some platforms stands still meanwhile.
  time.slept = 3_600_000;
  expect(await now()).toEqual([asServer(2)]);
  time.slept = -3_600_000;
  for (let i = 0; i < 5; i++) expect(await now()).toEqual([asServer(2)]);
  expect(asked).toHaveLength(2);
});

test("a path is asked of the pages' own server alone, and what it answers stands in no error", async () => {
  const { signal } = new AbortController();
  const answers = (text: string, status = 200) => {
    const init: RequestInit[] = [];
    const fetch = async (_: string, given: RequestInit) => {
      init.push(given);
      return new Response(text, { status });
    };
    return { init, asked: askPath(fetch, "/turn", { signal }) };
  };
  const { init, asked } = answers(JSON.stringify(given(1)));
  expect(await asked).toEqual(given(1));
  expect(init).toEqual([{ cache: "no-store", redirect: "error", signal }]);
  await expect(answers("secret 1", 500).asked).rejects.toThrow("/turn answered 500");
  await expect(answers("secret 1").asked).rejects.toThrow("/turn answered 8 characters that are");
});

test("servers that need no credentials are asked for none", async () => {
  const open_ = { urls: ["turn:open.example.org"], username: "a", credential: "b", public: true };
  const { now, asked } = open([], [{ urls: ["stun:a"] } as never, open_ as never]);
  expect(await now()).toEqual([
    { urls: ["stun:a"] },
    { urls: ["turn:open.example.org"], username: "a", credential: "b" },
  ]);
  expect(asked).toEqual([]);
});

test.each([
  ["nothing", undefined],
  ["no user name", { ...given(1), username: "" }],
  ["a long password", { ...given(1), password: "x".repeat(513) }],
  ["a password that is no text", { ...given(1), password: 7 }],
  ["no time", { ...given(1), ttl: "100" }],
  ["a time of less than a minute", given(1, 59)],
  ["a time of more than a week", given(1, 604_801)],
  ["a time that is no number", given(1, Number.NaN)],
])("a path that answers %s gives no credentials", (_, answer) => {
  expect(() => parseCredentials(answer, "/turn")).toThrow(
    expect.objectContaining({ reason: { code: "TURN_CREDENTIALS", path: "/turn" } }),
  );
});
