/** Attackers as switches. Production code has no way in here: they are peers like others, and hold its interfaces only. */
import type { AttackerKind } from "../../scenario.ts";
import type { World } from "../world.ts";
import { addressGarbage } from "./address-garbage.ts";
import type { Attacker } from "./attacker.ts";
import { authorForgery } from "./author-forgery.ts";
import { bidStorm } from "./bid-storm.ts";
import { bodyFlood } from "./body-flood.ts";
import { decoderBomb } from "./decoder-bomb.ts";
import { eclipse } from "./eclipse.ts";
import { equivocator } from "./equivocator.ts";
import { gossipFlood } from "./gossip-flood.ts";
import { idleSquatter } from "./idle-squatter.ts";
import { privateProber } from "./private-prober.ts";
import { proofFlood } from "./proof-flood.ts";
import { reflection } from "./reflection.ts";
import { hangingRelay, lyingRelay } from "./relays.ts";
import { replay } from "./replay.ts";
import { staller } from "./staller.ts";
import { sybilList } from "./sybil-list.ts";
import { uplinkThief } from "./uplink-thief.ts";

/** Every kind of hostile peer that a scenario can name. */
export const attackers: Readonly<Record<AttackerKind, Attacker>> = {
  "gossip-flood": gossipFlood,
  "author-forgery": authorForgery,
  replay,
  reflection,
  staller,
  "body-flood": bodyFlood,
  "proof-flood": proofFlood,
  "decoder-bomb": decoderBomb,
  equivocator,
  "bid-storm": bidStorm,
  "private-prober": privateProber,
  "sybil-list": sybilList,
  eclipse,
  "address-garbage": addressGarbage,
  "idle-squatter": idleSquatter,
  "lying-relay": lyingRelay,
  "hanging-relay": hangingRelay,
  "uplink-thief": uplinkThief,
};

/** Starts `n` hostile peers of one kind. */
export async function attack(world: World, kind: AttackerKind, n: number): Promise<void> {
  if (n === 0) return;
  const names = Array.from({ length: n }, (_, i) => `${kind}/${i}`);
  const { deeds, hostile, rng } = world;
  for (const name of names) hostile.add(name);
  const did = (what: string) => void deeds.set(what, (deeds.get(what) ?? 0) + 1);
  await attackers[kind].start(world, { n, names, random: rng(`attack/${kind}`), did });
}
