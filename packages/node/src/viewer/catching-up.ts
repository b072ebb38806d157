/**
 * What gossip has lost, or had said before we came, is asked for: of somebody who follows the stream as well, one at a time and by
 * chance, and of its broadcaster last. Who gets nothing new waits longer each time: when a broadcaster is late, all its viewers miss the
 * same entry, and none of them has it.
 */
import { MeshError, type PeerId } from "@tabcast/mesh";
import {
  type Announce,
  MAX_MANIFEST_ENTRIES,
  ManifestReply,
  ManifestRequest,
  PROTOCOLS,
  streamTopic,
} from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";
import * as Manifest from "../manifest.ts";

/** Segments asked for when joining a stream under way. */
const JOIN = 8;
/** Followers that are asked before the broadcaster is, each time anew. */
const MOST_FOLLOWERS = 2;
/** How long an answer may take: of a follower, who may have left, and of the broadcaster, in milliseconds. */
const FOLLOWER_MS = 2_000;
const BROADCASTER_MS = 10_000;
/** A viewer that has nothing to show yet, or got no answer, asks the next one after so long, in milliseconds, give or take a half. */
const SOON_MS = 100;
/** The longest wait between two questions that brought nothing, in segments. */
const MOST_WAIT = 8;

/** Questions that were asked for what is missing, and brought nothing new: how many in a row. */
export interface Tries {
  readonly vain: number;
  /** Nothing was shown yet. */
  readonly joining: boolean;
  /** A follower that was asked last did not answer, which says nothing of the stream. */
  readonly unanswered: boolean;
}

/** Whether the broadcaster's turn has come: after two followers that had nothing, or where there is none. */
export const asksBroadcaster = (vain: number, followers: number): boolean =>
  followers === 0 || vain % (MOST_FOLLOWERS + 1) === MOST_FOLLOWERS;

/** How long to wait before the next question, in milliseconds: one segment, then twice as long each time, give or take a half. */
export function waitMs(
  { vain, joining, unanswered }: Tries,
  segmentMs: number,
  random: Pick<Random, "fraction">,
): number {
  const soon = (joining || unanswered) && vain <= MOST_FOLLOWERS;
  const segments = Math.min(MOST_WAIT, 2 ** Math.max(0, vain - 1));
  return (soon ? SOON_MS : segments * segmentMs) * (0.5 + random.fraction());
}

/** The first entry to ask for: all of a stream that is over, the newest of one under way, what follows where some are known. */
export const firstMissed = (
  { entries, end }: Manifest.Manifest,
  { newest, ended }: Pick<Announce, "newest" | "ended">,
): number =>
  entries.size > 0 ? end : Math.max(0, newest - (ended ? Manifest.MOST_ENTRIES : JOIN));

/** Others that follow a stream, as far as gossip reaches them directly: neither relays nor its broadcaster. */
export function followersOf(
  mesh: Pick<Context["mesh"], "self" | "relays" | "subscribers">,
  { stream, broadcaster }: Pick<Announce, "stream" | "broadcaster">,
): PeerId[] {
  const others = new Set([mesh.self, broadcaster, ...mesh.relays()]);
  return mesh.subscribers(streamTopic(stream)).filter((peer) => !others.has(peer));
}

export interface CatchingUpOptions {
  /** Resolves with the newest announcement, once there is one; rejects when nobody follows any more. */
  readonly announce: () => Promise<Announce>;
  readonly manifest: () => Manifest.Manifest;
  /** Who is asked before the broadcaster is. */
  readonly followers: (said: Announce) => readonly PeerId[];
  /** When the newest entry was heard, in milliseconds of the clock. */
  readonly heardAt: () => number;
  /** Takes an answer to a question for entries from `from` on: older ones are none. */
  readonly take: (reply: ManifestReply, from: number) => Promise<void>;
}

/** Asks for what is missing until the stream is over, or the context's signal fires. */
export async function catchUp(context: Context, options: CatchingUpOptions): Promise<void> {
  const { clock, random, signal } = context;
  const { announce, manifest, heardAt } = options;
  let vain = 0;
  let patience = random.fraction();
  const due = (segmentMs: number) =>
    manifest().entries.size === 0 ||
    // Not all at once: whoever asks first has it for the others.
    clock.now() - heardAt() > (1.5 + patience) * segmentMs ||
    Manifest.missing(manifest()) !== undefined;
  for (;;) {
    const said = await announce();
    if (Manifest.complete(manifest())) return;
    if (!due(said.segmentMs)) {
      vain = 0;
      await clock.sleep(said.segmentMs / 4, { signal });
      continue;
    }
    const { size } = manifest().entries;
    const { end } = manifest();
    const followers = options.followers(said);
    const peer = asksBroadcaster(vain, followers.length)
      ? said.broadcaster
      : (followers[random.below(followers.length)] as PeerId);
    const unanswered = await question(context, said, { ...options, peer }).then(
      () => false,
      // Of somebody who has too much to do nobody else is to have more.
      (error: unknown) => peer !== said.broadcaster && !isBusy(error),
    );
    const grown = manifest().end > end || manifest().entries.size > size;
    vain = grown ? 0 : vain + 1;
    patience = random.fraction();
    if (grown) continue;
    const joining = manifest().entries.size === 0;
    await clock.sleep(waitMs({ vain, joining, unanswered }, said.segmentMs, random), { signal });
  }
}

const isBusy = (error: unknown) => error instanceof MeshError && error.code === "MESH_BUSY";

async function question(
  context: Context,
  said: Announce,
  {
    manifest,
    take,
    peer,
  }: Pick<CatchingUpOptions, "manifest" | "take"> & { readonly peer: PeerId },
): Promise<void> {
  const { mesh, clock, signal } = context;
  const last = peer === said.broadcaster;
  const from = firstMissed(manifest(), said);
  const head = ManifestRequest.encode({ stream: said.stream, from, most: MAX_MANIFEST_ENTRIES });
  const reply = await ask(mesh, peer, PROTOCOLS.manifest, head, {
    signal: AbortSignal.any([signal, clock.timeout(last ? BROADCASTER_MS : FOLLOWER_MS)]),
    ...(last && { addrs: said.addrs }),
  });
  await take(ManifestReply.decode(reply.head), from);
}
