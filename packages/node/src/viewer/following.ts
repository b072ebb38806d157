import type { PeerId } from "@tabcast/mesh";
import { Clocks, ManifestRequest, PROTOCOLS, streamTopic, type WatchKeys } from "@tabcast/protocol";
import { equalBytes, steadyTime } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { answer } from "../exchange.ts";
import * as Manifest from "../manifest.ts";
import { openCondition } from "../queue.ts";
import { askLive, sourcesOf } from "./asking.ts";
import { catchUp, followersOf } from "./catching-up.ts";
import { liveStream } from "./live.ts";
import { kindOf, openReading } from "./reading.ts";
import type { ViewerEvent } from "./types.ts";

/** Relays and neighbours are asked for a stream's announcement so often until one has it, in milliseconds. */
const ANNOUNCE_WAIT_MS = 1_000;

/** A stream's manifest, kept up to date from gossip, and from others that follow it where gossip has lost something. */
export interface Following {
  manifest(): Manifest.Manifest;
  /** Resolves when `ready` finds a value in the manifest; rejects with the signal's reason. */
  until<T>(
    ready: (manifest: Manifest.Manifest) => T | undefined,
    options: { signal: AbortSignal },
  ): Promise<T>;
}

export interface FollowingOptions {
  /** The stream's id, 32 bytes. */
  readonly stream: Uint8Array;
  /** Of a private stream. Default: the stream is read in the open. */
  readonly keys?: Promise<WatchKeys> | undefined;
  readonly on: (event: ViewerEvent) => void;
}

/** Asks relays or neighbours until an announcement is known: who comes late need not wait for the next one. */
async function seekAnnounce(
  context: Context,
  stream: Uint8Array,
  { found, take }: { found(): boolean; take(sealed: Uint8Array<ArrayBuffer>): Promise<void> },
): Promise<void> {
  // Nothing but this stream, if it is not listed.
  const request = { streams: [stream.slice()], from: 65_535, most: 1 };
  const asking = new Set<PeerId>();
  const askOne = async (source: PeerId) => {
    const { announces } = await askLive(context, source, request);
    for (const sealed of announces) await take(sealed.slice());
  };
  while (!found()) {
    // One that hangs keeps no other from being asked again.
    for (const source of sourcesOf(context.mesh, context.random)) {
      if (asking.has(source)) continue;
      asking.add(source);
      askOne(source)
        .catch(() => {})
        .finally(() => asking.delete(source));
    }
    await context.clock.sleep(ANNOUNCE_WAIT_MS, context);
  }
}

/** Follows a stream until the context's signal fires, and passes its manifest on to those who ask, unless it is private. */
export function openFollowing(context: Context, { stream, keys, on }: FollowingOptions): Following {
  const { mesh, clock, signal } = context;
  const condition = openCondition();
  const reading = openReading({ stream, keys, on });
  const clocks = new Clocks();
  const time = steadyTime(clock);
  let manifest = Manifest.emptyManifest;
  let heardAt = clock.now();
  let over = false;

  const changed = () => {
    condition.wake();
    if (over || !Manifest.complete(manifest)) return;
    over = true;
    on({ type: "ended" });
  };

  async function takeAnnounce(sealed: Uint8Array<ArrayBuffer>): Promise<void> {
    const message = await reading.announce(sealed, { now: time(), clocks });
    if (message === undefined) return;
    const before = manifest;
    manifest = Manifest.announced(manifest, { message, sealed });
    if (manifest === before) return;
    on({ type: "announced", live: liveStream(message) });
    changed();
  }

  async function takeEntry(sealed: Uint8Array<ArrayBuffer>, from = 0): Promise<void> {
    const message = await reading.entry(sealed);
    if (message === undefined || message.seq < from) return;
    const before = manifest;
    manifest = Manifest.entered(manifest, { message, sealed });
    if (manifest === before) return;
    const { seq } = message;
    const first = manifest.entries.get(seq)?.sealed;
    if (manifest.conflicts !== before.conflicts && first !== undefined)
      return on({ type: "equivocated", seq, proof: [first, sealed] });
    heardAt = clock.now();
    on({ type: "entry", seq: message.seq, gaps: Manifest.gapsOf(message) });
    changed();
  }

  // What does not open is somebody else's rubbish on a shared topic; it has cost its size and one signature check.
  const take = (body: Uint8Array, open: (sealed: Uint8Array<ArrayBuffer>) => Promise<void>) => {
    open(body.slice()).catch(() => {});
  };
  mesh.subscribe(
    streamTopic(stream),
    ({ body }) =>
      take(body, kindOf(body).endsWith("announce") ? takeAnnounce : (sealed) => takeEntry(sealed)),
    { signal },
  );
  // Strangers are on the topic of a private stream: who asked or answered them would tell them that it is watched here.
  const open = keys === undefined;
  if (open)
    answer(mesh, PROTOCOLS.manifest, signal, (head) => {
      const request = ManifestRequest.decode(head);
      return equalBytes(request.stream, stream) ? Manifest.reply(manifest, request) : undefined;
    });

  // Nor is a private stream on anybody's list.
  if (open)
    void seekAnnounce(context, stream, {
      found: () => manifest.announce !== undefined,
      take: takeAnnounce,
    }).catch(() => {}); // the signal ended it

  void catchUp(context, {
    followers: (said) => (open ? followersOf(mesh, said) : []),
    announce: async () => (await condition.until(() => manifest.announce, { signal })).message,
    manifest: () => manifest,
    heardAt: () => heardAt,
    async take({ announce: newer, entries }, from) {
      if (newer.byteLength > 0) await takeAnnounce(newer.slice());
      for (const entry of entries) await takeEntry(entry.slice(), from);
    },
  }).catch(() => {}); // the signal ended it

  return {
    manifest: () => manifest,
    until: (ready, options) => condition.until(() => ready(manifest), options),
  };
}
