import type { Mesh } from "@tabcast/mesh";
import { Clocks, gossipRules, Keys, LIVE_TOPIC, openAnnounce, peerIdOf } from "@tabcast/protocol";
import { type Clock, Millis, secureRandom, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openPublisher } from "./publisher.ts";

const START = 1_790_000_000_000;
const HOUR = 3_600_000;

test.each([-HOUR, HOUR])(
  "a machine's clock that is set by %i ms in mid-stream costs no announcement",
  async (set) => {
    const keys = await Keys.generate();
    const self = peerIdOf((await Keys.generate()).publicKey);
    const own = new AbortController();
    let now = 0;
    // Set at the tenth minute of twenty. Nobody waits: a sleep is over when everything else has been said.
    const clock: Clock = {
      ...systemClock,
      now: () => Millis.of(now),
      unix: () => Millis.of(START + now + (now > 600_000 ? set : 0)),
      async sleep(ms) {
        await new Promise((resolve) => setImmediate(resolve));
        now += ms;
        if (now > 1_200_000) own.abort();
        own.signal.throwIfAborted();
      },
    };
    const receiver = { now: clock.now, unix: () => Millis.of(START + now) };
    const rules = gossipRules({ clock: receiver });
    const clocks = new Clocks();
    const judged: unknown[] = [];
    const listed: unknown[] = [];
    const mesh = {
      self,
      addrs: () => [],
      serve() {},
      async publish(topic: string, body: Uint8Array) {
        const judgement = await rules.get(topic)?.judge(body, self);
        if (topic === LIVE_TOPIC) listed.push(judgement);
        else {
          await openAnnounce(body, { now: receiver.unix(), clocks });
          judged.push(judgement);
        }
      },
    } as unknown as Mesh;
    openPublisher(
      { mesh, clock, random: secureRandom, signal: own.signal },
      {
        keys,
        facts: {
          title: "a stream",
          codec: "avc",
          segmentMs: 2_000,
          rungs: [],
          source: { name: "source", width: 1_280, height: 720, bitrate: 3_000_000 },
          audio: false,
          startedMs: START,
        },
        failed: (error) => {
          throw error;
        },
      },
    );
    await new Promise((resolve) => own.signal.addEventListener("abort", resolve));
    expect(judged).toHaveLength(601);
    // Relays' lists are told the first three and each fifth: three come while one counts.
    expect(listed).toHaveLength(2 + 121);
    expect([...judged, ...listed].filter((one) => one !== "accept")).toEqual([]);
  },
  30_000,
);
