import { LIVE, Screen } from "@tabcast/market";
import { describe, toHex, Wei } from "@tabcast/runtime";
import { contextOf } from "../context.ts";
import { serveHeld } from "../exchange.ts";
import { openGate } from "../gate.ts";
import { openHeld } from "../held.ts";
import { openAudits } from "./audits.ts";
import { openAwardIds } from "./award-ids.ts";
import { serveAwards } from "./awards.ts";
import { openBidding } from "./bidding.ts";
import { openCredit } from "./credit.ts";
import { openDelegation, serveWatchtower } from "./delegate.ts";
import { openJobs } from "./jobs.ts";
import { openMaker } from "./making.ts";
import { servePayments } from "./payments.ts";
import { openPlaces, type Places } from "./places.ts";
import { openShift, type Shift } from "./shift.ts";
import { openSpeeds, type Speeds } from "./speeds.ts";
import type { WorkerNode, WorkerOptions } from "./types.ts";

/** Price asked where none is given: 1 gwei per output megapixel, 1,000 wei per pixel. */
export const DEFAULT_PRICE = Wei.of(1_000_000_000);
/** How long peers may take to hear our goodbye and to keep our vouchers while the tab closes, in milliseconds. */
const CLOSING_MS = 1_000;

/** Offers this tab's encoders to every broadcaster that pays, until `signal` fires or `close` is called. */
export function work(options: WorkerOptions): WorkerNode {
  const { mesh, keys, purse, transcoder, on, price = DEFAULT_PRICE } = options;
  const { tags = [], watchtower } = options;
  const own = new AbortController();
  const signal = AbortSignal.any([options.signal, own.signal]);
  const context = contextOf({ ...options, signal });
  const { clock } = context;
  const crews = new Map((options.crews ?? []).map((token) => [toHex(Screen.crewId(token)), token]));

  const held = openHeld();
  const gate = openGate(LIVE, clock, (dropped) => on({ type: "dropped-input", ...dropped }));
  const delegation = openDelegation({ mesh, purse, clock, signal });
  const speeds = openSpeeds({
    capabilities: options.capabilities,
    measure: options.measure,
    clock,
    isIdle: () => places.all().length === 0,
    changed: ({ codec, pixelsPerSecond, hardware }) => {
      on({ type: "measured", codec, pixelsPerSecond, hardware });
      bidding.reconsider();
    },
    failed: (error) => on({ type: "refused", what: "measurement", why: describe(error) }),
    signal,
  });
  const places = openPlaces({
    mesh,
    clock,
    on,
    quitted: (stream) => bidding.forget(stream),
    signal,
  });
  const shift = openShift({ policy: options.availability, places, on });
  const credit = openCredit({ purse, places, clock });
  const audits = openAudits({ mesh, on, signal });
  const fixed = { self: mesh.self, price, tags, crews: [...crews.keys()] };
  const self = () => ({ ...fixed, ...standingOf({ shift, speeds, places }) });
  const ids = openAwardIds(context);
  const bidding = openBidding({
    mesh,
    keys,
    purse,
    payeeProof: options.payeeProof,
    ids,
    clock,
    gate,
    self,
    shuns: credit.shuns,
    crews,
    doubt(codec) {
      speeds.doubt(codec);
      if (places.jobs() === 0) speeds.idle();
    },
    on,
    signal,
  });
  serveAwards({ mesh, purse, clock, gate, bidding, ids, places, audits, self, on, signal });
  const maker = openMaker({ keys, purse, transcoder, held, speeds, credit, audits });
  const jobs = openJobs({ mesh, clock, gate, places, credit, shift, speeds, maker, on, signal });
  servePayments({ mesh, purse, places, credit, delegation, judged: shift.look, on, signal });
  serveHeld(mesh, held, signal);
  if (watchtower !== undefined) serveWatchtower(mesh, watchtower, { gate, clock, signal });
  mesh.watch(
    (event) => {
      if (event.type === "reachable") on({ type: "reachable", addrs: event.addrs.length });
    },
    { signal },
  );

  const { pause, resume, set, sense } = shift;
  return {
    pause,
    resume,
    set,
    sense,
    state: () => ({
      availability: shift.state(),
      drops: gate.drops(),
      paused: shift.paused(),
      jobs: places.jobs(),
      done: jobs.done(),
      streams: places.all().length,
      heldBytes: held.size(),
    }),
    handOver: () => delegation.now(),
    async close() {
      if (own.signal.aborted) return;
      const limit = clock.timeout(CLOSING_MS);
      await Promise.allSettled([places.close({ signal: limit }), delegation.now(limit)]);
      await delegation.now(clock.timeout(CLOSING_MS)); // what was paid since
      own.abort();
    },
  };
}

/** What this worker can take on now. */
function standingOf({ shift, speeds, places }: { shift: Shift; speeds: Speeds; places: Places }) {
  const { free, state } = shift.state();
  return {
    capabilities: speeds.capabilities(),
    free,
    shut: state !== "open",
    lists: shift.policy(),
    working: places.all().map(({ stream }) => stream),
    restedMs: places.restedMs(),
  };
}
