/** What tabs and relays carry as the network grows, reckoned from the code's own constants and from messages as they are encoded. */
import { Hire } from "@tabcast/market";
import { Rates } from "@tabcast/mesh";
import { MAX_LIVE } from "@tabcast/protocol";
import { ANNOUNCE_MS, LISTED_EACH } from "../../src/broadcaster/publisher.ts";
import { ASK_EVERY_MS } from "../../src/viewer/live.ts";
import { saidInAnHour } from "./hiring.ts";

/** Encoded sizes, in bytes, gossipsub's wrapping included where it is gossip. */
export interface Sizes {
  readonly announce: number;
  readonly entry: number;
  readonly offer: number;
  readonly closed: number;
  /** Of an answer that names peers, and of an announcement as a page has it. */
  readonly peers: number;
  readonly listed: number;
}

export interface Network {
  readonly tabs: number;
  readonly streams: number;
  /** Tabs that hear offers, and that have the list open. */
  readonly workers: number;
  readonly listing: number;
  readonly relays: number;
  readonly segmentMs: number;
}

/** Bits per second each way, of the streams' own bytes. */
export interface Load {
  readonly page: number;
  readonly worker: number;
  readonly list: number;
  readonly relayOut: number;
}

const bits = (bytes: number, everyMs: number) => (8_000 * bytes) / everyMs;

const HOUR_MS = 3_600_000;

/** How often a stream makes an offer while all goes well, in milliseconds, where so many workers are. */
export const offersEveryMs = (segmentMs: number, workers: number): number =>
  HOUR_MS / saidInAnHour(segmentMs, workers).offers;

/** Who has a message for the first time says so to those that it passes on to, if it has so many bytes: IDONTWANT. Source: gossipsub 1.2, its default. */
const TOLD_FROM = 512;
const IDONTWANT_BYTES = 27;

export function load(sizes: Sizes, network: Network): Load {
  const { tabs, streams, workers, listing, relays, segmentMs } = network;
  const slots = Math.min(relays, Rates.SLOTS);
  // It dials DEGREE, and as many dial it.
  const neighbours = Math.min(2 * Rates.DEGREE, tabs - 1);
  const links = neighbours + slots;
  const pings = bits(2 * Rates.PING_BYTES * links, Rates.PING_EVERY);
  const asks = bits(sizes.peers * slots, Rates.ASK_SELDOM);
  const probes = bits(Rates.PROBE_BYTES * slots, Rates.CHECK_EVERY);
  const page = pings + probes + asks;

  const parts = Hire.partsFor(workers, 0);
  const said = saidInAnHour(segmentMs, workers);
  const spoken = bits(said.offers * sizes.offer + said.closed * sizes.closed, HOUR_MS) * streams;
  // A copy from each relay and from each neighbour of the same part: relays tell all of them at once, and they each other, before any can
  // have said that it has it.
  const alike = Math.min(Rates.TAB_DEGREE - slots, (neighbours * workers) / tabs / parts);
  const copies = slots + alike;
  const large =
    (sizes.offer >= TOLD_FROM ? said.offers : 0) + (sizes.closed >= TOLD_FROM ? said.closed : 0);
  const known = bits(large * IDONTWANT_BYTES, HOUR_MS) * streams;
  const worker = page + ((spoken + known) / parts) * copies;

  const list = page + bits(Math.min(MAX_LIVE, streams) * sizes.listed, ASK_EVERY_MS);

  // To each other relay but the one that it came from; two have it from the broadcaster. To the workers of a part, as many as a relay speaks to.
  const others = relays - 1;
  const passed = (slots * others + Math.max(0, relays - slots) * Math.max(0, others - 1)) / relays;
  const announced = (1 + 1 / LISTED_EACH) * bits(sizes.announce, ANNOUNCE_MS) * streams * passed;
  const entries = bits(sizes.entry, segmentMs) * streams * passed;
  const told = Math.min(
    Rates.RELAY_DEGREE,
    others + (workers / parts) * (slots / Math.max(1, relays)),
  );
  const here = (tabs * slots) / Math.max(1, relays);
  const relayOut =
    announced +
    entries +
    spoken * told +
    (list - page) * (listing / Math.max(1, relays)) +
    bits(sizes.peers, Rates.ASK_SELDOM) * here +
    (bits(2 * Rates.PING_BYTES, Rates.PING_EVERY) + bits(Rates.PROBE_BYTES, Rates.CHECK_EVERY)) *
      here;
  return { page, worker, list, relayOut };
}
