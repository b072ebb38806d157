import type { GossipRules } from "@tabcast/mesh";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { Net } from "./mesh.ts";
import { Timeline } from "./timeline.ts";

const TOPIC = "/tabcast/test/ruled";
const rate = { perSecond: 1, burst: 5 };

test("gossip on modelled links passes under the network's rules: what they accept, no larger and no more", async () => {
  const timeline = new Timeline();
  let judged = 0;
  const rules: GossipRules = new Map([
    [
      TOPIC,
      {
        largest: 10,
        each: rate,
        all: { perSecond: 1, burst: 100 },
        judge: async (body, author) => {
          judged++;
          return body[0] === 1 && author === "honest" ? "accept" : "reject";
        },
      },
    ],
  ]);
  const net = new Net({
    timeline,
    random: seededRandom(1, "net"),
    scale: 1,
    loss: 0,
    lostAfterMs: 1_000,
    dialMs: 1,
    rules,
  });
  const place = { delayMs: 5, uplinkKbps: 1_000, downlinkKbps: 1_000 };
  const enter = (self: string) => net.mesh(net.join(self, place));
  const [honest, forger, ...viewers] = ["honest", "forger", "a", "b", "c"].map(enter);
  if (honest === undefined || forger === undefined) throw new Error("nobody is there");
  const heard: number[] = [];
  const { signal } = new AbortController();
  for (const viewer of viewers)
    viewer.subscribe(TOPIC, ({ body }) => heard.push(body[1] as number), { signal });
  const say = async (mesh: typeof honest, ...bytes: number[]) =>
    mesh.publish(TOPIC, Uint8Array.from(bytes));
  await say(honest, 0, 1);
  await say(forger, 1, 2);
  await say(honest, 1, 3);
  await expect(honest.publish(TOPIC, new Uint8Array(11))).rejects.toMatchObject({
    code: "MESH_TOO_LARGE",
    reason: { limit: 10 },
  });
  for (let i = 4; i < 20; i++) await say(honest, 1, i);
  await timeline.run(
    new Promise((resolve) => timeline.after(1_000, () => resolve(undefined))),
    10_000,
  );
  expect([...new Set(heard)]).toEqual([3, 4, 5, 6]);
  expect(heard).toHaveLength(4 * viewers.length);
  expect(judged).toBe(1 + 5); // once each, whoever hears it
});
