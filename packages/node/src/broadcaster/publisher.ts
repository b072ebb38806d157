import {
  type Announce,
  type CrewKeys,
  type Entry,
  LIVE_TOPIC,
  type Loose,
  ManifestRequest,
  PROTOCOLS,
  type Signer,
  sealAnnounce,
  sealEntry,
  sealPrivateAnnounce,
  sealPrivateEntry,
  streamTopic,
} from "@tabcast/protocol";
import { equalBytes, risingTime } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { directoryOf } from "../directory/serve.ts";
import { answer } from "../exchange.ts";
import * as Manifest from "../manifest.ts";

/** How often a stream says that it is there, in milliseconds; a viewer who comes waits at most this long. */
export const ANNOUNCE_MS = 2_000;
/**
 * Of its announcements the first three and then each fifth go to relays' lists too, and its end: 10 s apart three of them come while one
 * counts, and what each stream costs each relay is seldom said twice. The first three: a clock that is wrong is believed from the second on.
 */
export const LISTED_FIRST = 3;
export const LISTED_EACH = 5;

/** What an announcement says that does not change while the stream runs. */
export type StreamFacts = Omit<
  Loose<Announce>,
  "stream" | "broadcaster" | "addrs" | "newest" | "ended" | "atMs"
>;

/** Speaks for a stream: signs, gossips and hands out its announcement and its manifest. Knows no worker and no money. */
export interface Publisher {
  /** Signs and gossips the next entry; sequences must come without a hole. The entry as viewers get it. */
  publish(entry: Omit<Loose<Entry>, "stream" | "broadcaster">): Promise<Entry>;
  /** Tells everybody that no more entries come. */
  end(): Promise<void>;
}

export interface PublisherOptions {
  readonly keys: Signer;
  /** With `unlisted` nothing is said but on the stream's own topic. */
  readonly facts: StreamFacts;
  /** A private stream's keys; undefined: everybody may read what it says. */
  readonly secrets?: CrewKeys | undefined;
  /** Told when gossip could not be sent; the manifest can still be asked for. */
  readonly failed: (error: unknown) => void;
}

export function openPublisher(
  { mesh, clock, signal }: Context,
  { keys, facts, secrets, failed }: PublisherOptions,
): Publisher {
  const stream = keys.publicKey;
  const listed = secrets === undefined && facts.unlisted !== true;
  const time = risingTime(clock);
  let manifest = Manifest.emptyManifest;
  let ended = false;
  /** Announcements so far. */
  let said = 0;

  async function announce(): Promise<void> {
    const message = {
      ...facts,
      stream,
      broadcaster: mesh.self,
      addrs: mesh.addrs().slice(0, 8),
      newest: manifest.end,
      ended,
      atMs: Math.max(
        Math.round(time()),
        (manifest.announce?.message.atMs ?? 0) + 1, // the newest one wins, so two never share a time
      ),
    };
    const sealed = await (secrets === undefined
      ? sealAnnounce(keys, message)
      : sealPrivateAnnounce(keys, message, secrets));
    manifest = Manifest.announced(manifest, { message: message as Announce, sealed });
    const heard = { announce: message as Announce, sealed, group: mesh.self };
    if (listed) directoryOf({ mesh, clock }).take(heard, clock.now());
    // Relays list it, and who follows the stream hears it there.
    const told = said < LISTED_FIRST || said % LISTED_EACH === 0 || ended;
    said++;
    const topics = [...(listed && told ? [LIVE_TOPIC] : []), streamTopic(stream)];
    const sent = topics.map((topic) => mesh.publish(topic, sealed));
    await Promise.all(sent);
  }

  answer(mesh, PROTOCOLS.manifest, signal, (head) => {
    const request = ManifestRequest.decode(head);
    return equalBytes(request.stream, stream) ? Manifest.reply(manifest, request) : undefined;
  });
  void (async () => {
    for (;;) {
      await announce().catch(failed);
      await clock.sleep(ANNOUNCE_MS, { signal });
    }
  })().catch(() => {}); // the signal ended it

  return {
    async publish(entry) {
      const message = { ...entry, stream, broadcaster: mesh.self } as Entry;
      const sealed = await (secrets === undefined
        ? sealEntry(keys, message)
        : sealPrivateEntry(keys, message, secrets));
      manifest = Manifest.entered(manifest, { message, sealed });
      await mesh.publish(streamTopic(stream), sealed).catch(failed);
      return message;
    },
    async end() {
      ended = true;
      await announce().catch(failed);
    },
  };
}
