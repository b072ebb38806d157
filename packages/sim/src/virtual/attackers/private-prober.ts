/** Whoever has a private stream's id and not its key. */
import type { Mesh } from "@tabcast/mesh";
import {
  Announce,
  crewKeys,
  type Entry,
  Envelope,
  Get,
  LiveReply,
  LiveRequest,
  ManifestReply,
  ManifestRequest,
  openAnnounce,
  openEntry,
  openOffer,
  openPrivateAnnounce,
  openPrivateEntry,
  openPrivateOffer,
  PROTOCOLS,
  parseKey,
  streamTopic,
  watchKeys,
} from "@tabcast/protocol";
import { fromHex, toHex } from "@tabcast/runtime";
import { readMedia } from "../codec.ts";
import { stageStream } from "../stream.ts";
import { stageViewer } from "../viewer.ts";
import { stageWorker } from "../worker.ts";
import type { Peer, World } from "../world.ts";
import { type Attacker, every, type Hostile, openAll, pick } from "./attacker.ts";
import { streamOf } from "./stream-part.ts";
import { tempting } from "./worker-part.ts";

/** Workers of the private stream, and segments that are remembered of it. */
const CREW = 3;
const MOST = 64;
const NOTHING = new Uint8Array(0);

/** A private stream on the air, with a crew and a viewer that have its links: all of them honest. */
interface Victim {
  readonly stream: Uint8Array<ArrayBuffer>;
  readonly broadcaster: string;
  /** Entries that its viewer tells of: a hash is no secret of a private stream, and who has one asks for it. */
  readonly told: readonly Entry[];
}

/** `ears`: a tab that hears the stream's topic. */
async function stageVictim(
  world: World,
  { did }: Hostile,
  ears: Pick<Mesh, "subscribe">,
): Promise<Victim> {
  const { signal, rng } = world;
  let peer: Peer | undefined;
  const part = { ...streamOf(world, "private/0", 0), visibility: "private" } as const;
  const { start } = await stageStream(world, part, (its) => {
    peer = its;
  });
  const { stream, keys, finished } = await start();
  finished.catch(() => {}); // it ends with the run
  if (peer === undefined || keys === undefined) throw new Error("a private stream has keys");
  for (let i = 0; i < CREW; i++) {
    const privateStreams = [{ stream, key: keys.crew }];
    const worker = await stageWorker(world, {
      ...tempting(world, `private-crew/${i}`),
      privateStreams,
    });
    await worker.join();
  }
  const { ladder, segS } = part.spec;
  await stageViewer(world, {
    name: "private-viewer/0",
    seed: rng("private-viewer/0").bytes(32),
    stream,
    key: keys.watch,
    rungs: [...ladder, "source"],
    segmentMs: segS * 1_000,
    untilMs: Number.MAX_SAFE_INTEGER,
    on({ type }) {
      if (type === "fetched") did("pieces that its viewer fetched");
    },
  });
  const told: Entry[] = [];
  const id = fromHex(stream);
  const insider = await watchKeys(id, parseKey(keys.watch));
  const on = async ({ body }: { readonly body: Uint8Array }) => {
    if (Envelope.kindOf(body) !== "privateentry") return;
    const entry = await openPrivateEntry(body, insider).catch(() => undefined);
    if (entry === undefined) return;
    told.push(entry);
    if (told.length > MOST) told.shift();
  };
  ears.subscribe(streamTopic(id), (message) => void on(message), { signal });
  return { stream: id, broadcaster: peer.self, told };
}

/** Every way in which what came may open: in the open, or under keys that were made up. */
async function openTries({ stream }: Victim, random: Hostile["random"]) {
  const watch = await watchKeys(stream, random.bytes(32));
  const crew = await crewKeys(stream, random.bytes(32));
  const ofMessages: ((sealed: Uint8Array) => Promise<unknown>)[] = [
    (sealed) => openEntry(sealed),
    (sealed) => openAnnounce(sealed, {}),
    (sealed) => openOffer(sealed, {}),
    (sealed) => openPrivateEntry(sealed, watch),
    (sealed) => openPrivateAnnounce(sealed, watch, {}),
    (sealed) => openPrivateOffer(sealed, crew, {}),
  ];
  const opens = (tries: readonly Promise<unknown>[]) =>
    Promise.allSettled(tries).then((all) => all.some(({ status }) => status === "fulfilled"));
  return {
    message: (sealed: Uint8Array) => opens(ofMessages.map((open) => open(sealed))),
    media: (bytes: Uint8Array, number: number, name: string) =>
      opens([
        (async () => readMedia(bytes))(),
        watch.media.decrypt(bytes, { number, name }),
        crew.media.decrypt(bytes, { number, name }),
      ]),
  };
}

type Tries = Awaited<ReturnType<typeof openTries>>;

/** One hostile peer asks for all that there is of a private stream, and notes what opens. */
function probe(world: World, { mesh, name }: Peer, victim: Victim, tries: Tries, { did }: Hostile) {
  const { leaks, rng, signal } = world;
  const { stream, broadcaster, told } = victim;
  const random = rng(`probe/${name}`);
  const ask = (peer: string, protocol: string, head: Uint8Array) =>
    mesh.request(peer, protocol, { head, body: NOTHING }, { signal });
  const note = async (sealed: Uint8Array) => {
    if (await tries.message(sealed)) leaks.add(toHex(sealed.slice(-16)));
  };
  mesh.subscribe(
    streamTopic(stream),
    ({ body }) => {
      if (!Envelope.kindOf(body).startsWith("private")) return;
      did("messages overheard");
      void note(body);
    },
    { signal },
  );
  every(world, { ms: 1_000, random }, async () => {
    const head = ManifestRequest.encode({ stream, from: 0, most: MOST });
    for await (const part of ask(broadcaster, PROTOCOLS.manifest, head)) {
      const { announce, entries } = ManifestReply.decode(part.head);
      did("manifests asked for");
      for (const sealed of [announce, ...entries]) await note(sealed);
    }
  });
  every(world, { ms: 1_000, random }, async () => {
    const head = LiveRequest.encode({ streams: [stream], from: 0, most: MOST / 2 });
    did("lists asked for");
    for await (const part of ask(broadcaster, PROTOCOLS.live, head))
      for (const sealed of LiveReply.decode(part.head).announces) {
        const { payload } = Envelope.read(sealed);
        if (toHex(Announce.decode(payload).stream) === toHex(stream)) leaks.add("on a list");
      }
  });
  every(world, { ms: 250, random }, async () => {
    const entry = pick(told, random);
    const track = pick(entry?.tracks.filter(({ gap }) => !gap) ?? [], random);
    if (entry === undefined || track === undefined) return;
    const from = pick([broadcaster, ...entry.holders.map(({ peer }) => peer)], random) as string;
    for await (const { body } of ask(from, PROTOCOLS.get, Get.encode({ hash: track.mediaHash }))) {
      if (body.byteLength === 0) continue;
      did("pieces taken by their hashes");
      if (await tries.media(body, entry.seq, track.name)) leaks.add(toHex(track.mediaHash));
    }
  });
}

export const privateProber: Attacker = {
  what: "asks a private stream's broadcaster and its holders for all that there is, with hashes that a viewer told, records its gossip, and tries keys of its own",
  aims: "what a private stream says and shows, and its broadcaster's uplink",
  bound: "nothing that it gets opens, and no list has the stream",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const victim = await stageVictim(world, hostile, (peers[0] as Peer).mesh);
    const tries = await openTries(victim, hostile.random);
    for (const peer of peers) probe(world, peer, victim, tries, hostile);
  },
};
