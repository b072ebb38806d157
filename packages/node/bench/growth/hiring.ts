/** What a stream says to workers while all goes well: its crew's own decisions, on a clock of our own. */
import { Crew, Hire, LIVE } from "@tabcast/market";
import type { Bid } from "@tabcast/protocol";
import { seededRandom } from "@tabcast/runtime";
import { paceOf } from "../../src/broadcaster/pace.ts";

/** From a bid until the broadcaster has it, a cold dial included; and any other way. Milliseconds. Source: facts, mesh.md. */
const DIAL_MS = 600;
const WAY_MS = 300;
/** The first minutes, in which the crew is new, are not counted. */
const SETTLED_MS = 240_000;
const COUNTED_MS = 3_600_000;
const TICK_MS = 250;

/** Messages of an hour. */
export interface Said {
  readonly offers: number;
  readonly closed: number;
}

/** A bid on its way, or an answer to an award. */
interface Coming {
  readonly at: number;
  readonly event: (now: number) => Crew.Event;
}

const NONE = new Uint8Array(0);
const bidOf = (offer: Uint8Array<ArrayBuffer>, worker: string): Bid => ({
  offer,
  worker,
  ...{ payee: new Uint8Array(20), lane: 1, price: 1n, pixelsPerS: 1e9, slots: 1, queueMs: 0 },
  ...{ ageMs: 0, tags: [], addrs: [], proof: NONE, payeeProof: NONE, award: new Uint8Array(16) },
});

/**
 * What one stream says in an hour where rested workers hear it, all of them take their awards and make each segment in time, and the crew
 * takes turns. As `Crew` decides: members leave when their lease is over, and bids in hand fill vacancies.
 */
export function saidInAnHour(segmentMs: number, workers: number): Said {
  const { config, wanted } = paceOf("live", segmentMs);
  const random = seededRandom(1, "hiring");
  const need = { pixels: 1e6, bytes: 1e5, segmentMs, slackMs: 2 * segmentMs };
  let crew = Crew.open({ wanted, maxPrice: 1n, ...need });
  let coming: Coming[] = [];
  let [offers, closed, bidders, turn] = [0, 0, 0, 0];

  function drawBids(id: Uint8Array, now: number): void {
    const parts = Hire.partsFor(workers, 0);
    const peers = Math.round(workers / parts);
    for (let n = 0; n < peers; n++) {
      const weight = 2 * Hire.MOST_RESTED;
      const delayMs = Hire.delay({ draw: 1 - random.fraction(), peers, parts, weight });
      const bid = bidOf(new Uint8Array(id), `w${bidders++}`);
      const at = now + WAY_MS + delayMs + DIAL_MS;
      coming.push({ at, event: (time) => ({ type: "bid", bid, now: time }) });
    }
  }

  function act(effect: Crew.Effect, now: number): void {
    if (effect.do === "offer") {
      if (now >= SETTLED_MS) offers++;
      if (effect.repeats === 0) drawBids(effect.id, now);
    }
    if (effect.do === "closed") {
      if (now >= SETTLED_MS) closed++;
      // Who has not begun to dial by the time that it hears of the end says nothing.
      coming = coming.filter(({ at }) => at < now + WAY_MS + DIAL_MS);
    }
    if (effect.do === "award") {
      const { worker, epoch } = effect.member;
      const event = (time: number) => ({ type: "accepted", worker, epoch, now: time }) as const;
      coming.push({ at: now + WAY_MS, event });
    }
  }

  function tell(event: Crew.Event): void {
    const [next, effects] = Crew.step(crew, event, config, random);
    crew = next;
    for (const effect of effects) act(effect, event.now);
  }

  const sample = { pixels: 1e6, upload: undefined, encodeMs: 100, pullMs: 50 };
  for (let now = 0; now < SETTLED_MS + COUNTED_MS; now += TICK_MS) {
    const due = coming.filter(({ at }) => at <= now);
    coming = coming.filter(({ at }) => at > now);
    for (const { event } of due) tell(event(now));
    if (now % segmentMs === 0) {
      const members = Crew.available(crew, LIVE, () => false).filter(({ role }) => role === "crew");
      const worker = members[turn++ % Math.max(1, members.length)]?.worker;
      if (worker !== undefined) tell({ type: "delivered", worker, sample, now });
    }
    tell({ type: "tick", now });
  }
  return { offers, closed };
}
