/**
 * Writes `vectors/`: every message with every field, sealed ones from fixed seeds, and bytes that must be refused.
 * Run by hand after a change to the wire; the tests read what it wrote, and never this file.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { concatBytes, fromHex, toHex } from "@tabcast/runtime";
import * as P from "../src/index.ts";
import { Envelope } from "../src/messages.ts";

const fill = (length: number, first: number) =>
  Uint8Array.from({ length }, (_, i) => (first + i) % 256);

// The stream key and the worker's peer key of every vector.
const STREAM_SEED = fill(32, 1);
const WORKER_SEED = fill(32, 101);

const streamKeys = await P.Keys.fromSeed(STREAM_SEED);
const workerKeys = await P.Keys.fromSeed(WORKER_SEED);
const stream = streamKeys.publicKey;
const worker = P.peerIdOf(workerKeys.publicKey);
const broadcaster = P.peerIdOf(fill(32, 61));
const at = 1_790_000_000_000;
const relayed = `/ip4/192.0.2.7/tcp/4001/ws/p2p/${P.peerIdOf(fill(32, 7))}/p2p-circuit/webrtc`;
const rungs = [
  { name: "240p", width: 426, height: 240, bitrate: 250_000 },
  { name: "720p", width: 1280, height: 720, bitrate: 3_000_000 },
];
const pot: P.Pot = {
  chainId: 31_337,
  contract: fill(20, 11),
  payer: fill(20, 12),
  signer: fill(20, 13),
  token: new Uint8Array(20),
  challengeS: 86_400,
  salt: fill(32, 14),
};
const voucher: P.Voucher = {
  pot: fill(32, 21),
  lane: 4_000_000_000,
  cumulative: fill(12, 23),
  signature: fill(64, 24),
};
const offer = fill(16, 31);
const award = fill(16, 41);

const job: P.Job = {
  award,
  epoch: 1,
  seq: 7,
  attempt: 1,
  rungs,
  initLen: 812,
  mediaLen: 1_500_000,
  initHash: fill(32, 71),
  mediaHash: fill(32, 72),
  frames: 60,
  startUs: 14_000_000,
  durationUs: 2_002_000,
  deadlineMs: 3_800,
  codec: "avc",
  checkPpm: 150_000,
  open: false,
};

const unlisted: P.Announce = {
  stream: stream.slice(),
  broadcaster,
  addrs: [],
  title: "For those who have its link",
  codec: "avc",
  segmentMs: 2_000,
  rungs: [],
  source: { name: "source", width: 640, height: 360, bitrate: 800_000 },
  audio: false,
  startedMs: at,
  newest: 0,
  ended: false,
  atMs: at,
  unlisted: true,
};
const complaint = {
  stream,
  seq: 7,
  track: "240p",
  holder: P.peerIdOf(fill(32, 62)),
  fault: "stalled",
  viewer: worker,
};
const { nonce } = P.Complaint.decode(
  P.Envelope.payloadOf(
    await P.sealComplaint(workerKeys, complaint, { signal: AbortSignal.timeout(60_000) }),
  ),
);

/** One full message of every kind, so that no field goes untested. */
const samples = [
  {
    noun: P.Announce,
    message: {
      stream,
      broadcaster,
      addrs: [relayed],
      title: "Harbour, north quay: ☂",
      codec: "avc",
      segmentMs: 2_000,
      rungs,
      source: { name: "source", width: 1920, height: 1080, bitrate: 6_000_000 },
      audio: true,
      startedMs: at - 60_000,
      newest: 30,
      ended: false,
      atMs: at,
    },
  },
  { noun: P.Announce, message: unlisted },
  {
    noun: P.Offer,
    message: {
      id: offer,
      stream,
      broadcaster,
      addrs: [relayed],
      sourceCodec: "avc1.640028",
      width: 1920,
      height: 1080,
      fpsMilli: 29_970,
      sourceBitrate: 6_000_000,
      codec: "avc",
      rungs,
      segmentMs: 2_000,
      slackMs: 4_000,
      maxPrice: 18_000_000_000_000_000_000n,
      wanted: 2,
      pot,
      window: 2,
      ttlMs: 30_000,
      atMs: at,
      seedCommit: fill(32, 15),
      need: ["hw", "region:eu"],
      crew: fill(16, 16),
    },
  },
  { noun: P.Closed, message: { offer, stream, broadcaster } },
  {
    noun: P.Bid,
    message: {
      offer,
      worker,
      payee: fill(20, 51),
      lane: 4_294_967_295,
      price: 1_000_000_000n,
      pixelsPerS: 210_000_000,
      slots: 1,
      queueMs: 0,
      ageMs: 61_000,
      tags: ["avc:hw", "vp9:sw"],
      addrs: ["/ip4/127.0.0.1/tcp/9001/ws/p2p/12D3KooWrelay/p2p-circuit/webrtc"],
      proof: fill(32, 52),
      payeeProof: fill(64, 53),
      award,
    },
  },
  { noun: P.BidReply, message: { ok: false, why: "closed", retryMs: 30_000 } },
  {
    noun: P.Award,
    message: {
      id: award,
      offer,
      stream,
      worker,
      epoch: 1,
      role: "crew",
      price: 1_000_000_000n,
      payee: fill(20, 51),
      lane: 4_294_967_295,
      pot,
    },
  },
  { noun: P.Accept, message: { ok: false, why: "capped", retryMs: 30_000 } },
  { noun: P.Job, message: job },
  { noun: P.Job, message: { ...job, mediaLen: 0, mediaHash: new Uint8Array(), open: true } },
  { noun: P.JobEnd, message: { mediaLen: 1_500_000, mediaHash: fill(32, 72) } },
  { noun: P.JobReply, message: { progress: { frames: 31, queueMs: 12, pieces: [] } } },
  {
    noun: P.JobReply,
    message: {
      progress: {
        frames: 60,
        queueMs: 0,
        pieces: [
          { rung: 0, head: false, at: 61_440, len: 8_192 },
          { rung: 0, head: true, at: 0, len: 1_384 },
        ],
      },
    },
  },
  {
    noun: P.JobReply,
    message: { failure: { code: "MEDIA_UNDECODABLE", message: "no decoder for hvc1" } },
  },
  { noun: P.JobReply, message: { receipt: fill(300, 81) } },
  {
    noun: P.Receipt,
    message: {
      award,
      epoch: 1,
      seq: 7,
      sourceHash: fill(32, 72),
      renditions: rungs.map(({ name }, i) => ({
        rung: name,
        initHash: fill(32, 91 + i),
        mediaHash: fill(32, 95 + i),
        initLen: 700 + i,
        mediaLen: 62_500 * (i + 1),
        frames: 60,
      })),
      encodeMs: 640,
      hardware: "hw",
      stream,
    },
  },
  { noun: P.Verdict, message: { award, epoch: 1, seq: 7, ok: true, failed: [], voucher } },
  { noun: P.VerdictReply, message: { ok: false, why: "VOUCHER_STALE", held: voucher } },
  { noun: P.Delegate, message: { pot, payee: fill(20, 51), voucher } },
  { noun: P.DelegateReply, message: { ok: true, why: "" } },
  { noun: P.Cancel, message: { award, epoch: 1, seq: 7, why: "late" } },
  {
    noun: P.Bye,
    message: { why: "page hidden", finishing: true, award: new Uint8Array() },
  },
  { noun: P.Bye, message: { why: "too slow", finishing: false, award } },
  { noun: P.Get, message: { hash: fill(32, 95) } },
  { noun: P.GetReply, message: { ok: true, why: "", size: 62_500 } },
  {
    noun: P.Entry,
    message: {
      stream,
      seq: 7,
      startUs: 14_000_000,
      durationUs: 2_002_000,
      capturedMs: at + 14_000,
      holders: [
        { peer: worker, addrs: [relayed] },
        { peer: broadcaster, addrs: [] },
      ],
      tracks: [
        {
          name: "240p",
          codecs: "avc1.640015",
          initHash: fill(32, 91),
          mediaHash: fill(32, 95),
          initLen: 700,
          mediaLen: 62_500,
          frames: 60,
          holders: [0, 1],
          gap: false,
        },
        {
          name: "720p",
          codecs: "",
          initHash: new Uint8Array(),
          mediaHash: new Uint8Array(),
          initLen: 0,
          mediaLen: 0,
          frames: 0,
          holders: [],
          gap: true,
        },
      ],
      broadcaster,
    },
  },
  { noun: P.ManifestRequest, message: { stream, from: 3, most: 64 } },
  {
    noun: P.Hold,
    message: {
      ...{ award, epoch: 1, seq: 7, initLen: 620, mediaLen: 32_000 },
      ...{ initHash: fill(32, 73), mediaHash: fill(32, 74) },
    },
  },
  { noun: P.HoldReply, message: { ok: false, why: "gone" } },
  { noun: P.Complaint, message: { ...complaint, nonce } },
  { noun: P.Equivocation, message: { first: fill(300, 81), second: fill(300, 82) } },
  {
    noun: P.Reveal,
    message: {
      stream,
      seed: fill(32, 17),
      worker,
      checks: [{ seq: 7, receipt: fill(32, 18), ppm: 150_000, checked: true }],
    },
  },
  { noun: P.ManifestReply, message: { announce: fill(200, 1), entries: [fill(300, 2)] } },
  { noun: P.PeersRequest, message: { most: 16 } },
  {
    noun: P.PeersReply,
    message: {
      peers: [{ peer: worker, relays: [broadcaster] }],
      relays: [broadcaster],
      populations: [{ topic: "/tabcast/1/offers", here: 900, all: 2_000 }],
    },
  },
  { noun: P.LiveRequest, message: { streams: [stream], from: 32, most: 32 } },
  { noun: P.LiveReply, message: { announces: [fill(300, 5)], total: 500 } },
  {
    noun: P.PrivateAnnounce,
    message: { stream, broadcaster, atMs: at, ended: true, box: fill(60, 6) },
  },
  { noun: P.PrivateEntry, message: { stream, broadcaster, seq: 7, box: fill(60, 6) } },
  {
    noun: P.PrivateOffer,
    message: { stream, broadcaster, atMs: at, ttlMs: 30_000, box: fill(60, 6) },
  },
  {
    noun: Envelope,
    message: {
      kind: "offer",
      signer: stream,
      payload: fill(100, 3),
      signature: fill(64, 4),
    },
  },
] as unknown as readonly { noun: P.Noun<object>; message: object }[];

/** JSON for other languages: bytes as 0x-hex, prices as decimal text. */
const plain = (_: string, value: unknown) =>
  value instanceof Uint8Array
    ? `0x${toHex(value)}`
    : typeof value === "bigint"
      ? value.toString()
      : value;

const messages = samples.map(({ noun, message }) => ({
  message: noun.name,
  hex: toHex(noun.encode(message)),
  value: message,
}));

const envelopes = await Promise.all(
  samples
    .filter(({ noun }) =>
      [
        ...[P.Announce, P.Offer, P.Closed, P.Bid, P.Award, P.Receipt, P.Entry, P.Reveal],
        ...[P.PrivateAnnounce, P.PrivateEntry, P.PrivateOffer, P.Complaint],
      ].some(({ name }) => name === noun.name),
    )
    .map(async ({ noun, message }) => {
      const kind = noun.name.toLowerCase();
      const byWorker = ["bid", "receipt", "complaint"].includes(kind);
      const payload = noun.encode(message);
      return {
        kind,
        seed: byWorker ? WORKER_SEED : STREAM_SEED,
        publicKey: byWorker ? workerKeys.publicKey : stream,
        payload,
        envelope: await P.Envelope.seal(byWorker ? workerKeys : streamKeys, kind, payload),
      };
    }),
);

const crewKey = fill(32, 151);
const secrets = await P.crewKeys(stream, crewKey);
const messageOf = (name: string) =>
  samples.find(({ noun }) => noun.name === name)?.message as P.Announce & P.Entry & P.Offer;
const plainMedia = fill(100, 9);

/** A private stream's keys, what is encrypted under them, and its messages from the plain ones. */
const privacy = {
  stream,
  crewKey,
  crewKeyText: P.keyText(crewKey),
  watchKey: secrets.watch,
  watchKeyText: P.keyText(secrets.watch),
  token: secrets.token,
  encrypted: await Promise.all(
    (
      [
        ["init", 0, "720p"],
        ["media", 7, "720p"],
        ["media", 8, "720p"],
        ["media", 7, "audio"],
        ["entry", 7, ""],
        ["announce", at, ""],
        ["offer", at, ""],
      ] as const
    ).map(async ([purpose, number, name]) => ({
      purpose,
      number,
      name,
      plain: plainMedia,
      encrypted: await secrets[purpose].encrypt(plainMedia, { number, name }),
    })),
  ),
  sealed: [
    {
      kind: "announce",
      seed: STREAM_SEED,
      value: messageOf("Announce"),
      envelope: await P.sealPrivateAnnounce(streamKeys, messageOf("Announce"), secrets),
    },
    {
      kind: "entry",
      seed: STREAM_SEED,
      value: messageOf("Entry"),
      envelope: await P.sealPrivateEntry(streamKeys, messageOf("Entry"), secrets),
    },
    {
      kind: "offer",
      seed: STREAM_SEED,
      value: messageOf("Offer"),
      envelope: await P.sealPrivateOffer(streamKeys, messageOf("Offer"), secrets),
    },
  ],
};

const get = P.Get.encode({ hash: fill(32, 95) });
const bye = P.Bye.encode({ why: "page hidden", finishing: true, award: new Uint8Array() });
// `open` is the last field, so these two are a job with and without it.
const receipt = samples.find(({ noun }) => noun.name === "Receipt") as (typeof samples)[number];
const closedJob = P.Job.encode(job);
const openJob = P.Job.encode({ ...job, mediaLen: 0, mediaHash: new Uint8Array(), open: true });
const bytes = (text: string) => fromHex(text.replaceAll(" ", ""));
const refused = [
  [P.Get, new Uint8Array(65), "PROTOCOL_TOO_LARGE", "over the limit"],
  [P.Get, get.subarray(0, 20), "PROTOCOL_MALFORMED", "cut short"],
  [P.Get, concatBytes(bytes("0800"), get), "PROTOCOL_MALFORMED", "a varint where bytes are meant"],
  [P.Get, concatBytes(bytes("0a00"), get), "PROTOCOL_MALFORMED", "a field twice"],
  [P.Get, bytes("0a03 010203"), "PROTOCOL_FIELD", "a hash of 3 bytes"],
  [P.Get, bytes(""), "PROTOCOL_FIELD", "nothing"],
  [P.Bye, concatBytes(bye, bytes("9b06")), "PROTOCOL_MALFORMED", "a group"],
  [P.Bye, bytes("0a02 c328"), "PROTOCOL_MALFORMED", "broken UTF-8"],
  [P.Bye, bytes("1002"), "PROTOCOL_MALFORMED", "a truth value of 2"],
  [P.Bye, bytes("108100"), "PROTOCOL_MALFORMED", "a varint with spare bytes"],
  [P.ManifestRequest, bytes("10 ffffffffffffffff7f"), "PROTOCOL_MALFORMED", "a sequence over 2^53"],
  [P.Job, concatBytes(closedJob, bytes("7801")), "PROTOCOL_FIELD", "open, with a size and a hash"],
  [P.Job, openJob.subarray(0, -2), "PROTOCOL_FIELD", "neither open nor a size and a hash"],
  // `stream` is the last field: two bytes say which it is and how long.
  [
    P.Receipt,
    P.Receipt.encode(receipt.message as P.Receipt).subarray(0, -34),
    "PROTOCOL_FIELD",
    "of no stream",
  ],
  // `unlisted` is the last field as well.
  [
    P.Announce,
    concatBytes(P.Announce.encode(unlisted).subarray(0, -2), bytes("7000")),
    "PROTOCOL_FIELD",
    "a mark that says no",
  ],
  [
    P.PrivateEntry,
    concatBytes(bytes("0a20"), stream, bytes("1201 41 221c"), fill(28, 1)),
    "PROTOCOL_FIELD",
    "a box of nothing",
  ],
  [P.JobReply, bytes("0a02 0805 1a03 0a0141"), "PROTOCOL_FIELD", "two parts"],
  [P.JobReply, bytes("0a01 0805"), "PROTOCOL_MALFORMED", "a part that runs over its end"],
  [P.JobReply, bytes("0a06 1a04 0808 2001"), "PROTOCOL_FIELD", "a piece of a ninth rung"],
  [P.JobReply, bytes("0a04 1a02 0801"), "PROTOCOL_FIELD", "a piece of no bytes"],
].map(([noun, hex, code, why]) => ({ message: (noun as P.Noun<object>).name, hex, code, why }));

const folder = new URL("../vectors/", import.meta.url);
await mkdir(folder, { recursive: true });
for (const [name, value] of Object.entries({ messages, envelopes, private: privacy, refused }))
  await writeFile(
    new URL(`${name}.json`, folder),
    `${JSON.stringify(value, plain, 2).replace(/"hex": "0x/g, '"hex": "')}\n`,
  );
