import type { Connection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Handler, ServeOptions, Waits } from "./mesh.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { fingerprint, keepWays, MAX_CANDIDATES, type RestartOptions, withWay } from "./restart.ts";
import { configuredRelays } from "./routes.ts";

const key = (n: number) => peerIdFromPublicKey(new Uint8Array(32).fill(n));
const [RELAY, peer] = [key(1), key(2)];
/** Smaller than the peer's. */
const OWN = "12D3KooW";
const none = new Uint8Array(0);
const bytes = (text: string) => new TextEncoder().encode(text);

/** Two ends of one WebRTC connection that `far` has begun, and its channel. */
async function pair() {
  const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
  near.onicecandidate = ({ candidate }) => candidate && void far.addIceCandidate(candidate);
  far.onicecandidate = ({ candidate }) => candidate && void near.addIceCandidate(candidate);
  const channel = far.createDataChannel("data");
  const opened = new Promise((resolve) => channel.addEventListener("open", resolve));
  const arrival = new Promise<RTCDataChannel>((resolve) =>
    near.addEventListener("datachannel", (event) => resolve(event.channel), { once: true }),
  );
  await far.setLocalDescription();
  await near.setRemoteDescription(far.localDescription as RTCSessionDescription);
  await near.setLocalDescription();
  await far.setRemoteDescription(near.localDescription as RTCSessionDescription);
  await opened;
  return { near, far, channel, arrived: await arrival };
}

/** The answering side of a tab that is connected by `near`, and the time as it is there. */
function answering(near: RTCPeerConnection) {
  let handler: Handler | undefined;
  let how: (ServeOptions & Waits & { limited?: boolean }) | undefined;
  const time = { now: 0 };
  const { signal } = new AbortController();
  const connection = {
    status: "open",
    remotePeer: { toString: () => peer },
    maConn: { peerConnection: near },
  };
  keepWays({
    node: { peerId: OWN, getConnections: () => [connection] },
    serve(_: string, given: Handler, options: typeof how) {
      handler = given;
      how = options;
    },
    clock: { ...systemClock, now: () => time.now },
    configuration: async () => ({}),
    signal,
  } as unknown as RestartOptions);
  const ask = async (sdp: string, from = peer) => {
    for await (const { body } of (handler as Handler)(
      { head: none, body: bytes(sdp) },
      { peer: from, signal, following: (async function* () {})() },
    ))
      return new TextDecoder().decode(body);
    throw new Error("no answer");
  };
  return { ask, time, how: () => how };
}

const offerOf = async (rtc: RTCPeerConnection) => {
  const { sdp = "" } = await rtc.createOffer({ iceRestart: true });
  return sdp;
};
const ufrag = (sdp: string | undefined) => /^a=ice-ufrag:.+$/m.exec(sdp ?? "")?.[0];

/** What `moving` asks for, and is answered by the tab that `staying` connects; resolves when both have the new way. */
async function move(moving: RTCPeerConnection, staying: RTCPeerConnection): Promise<string> {
  const { ask } = answering(staying);
  const complete = new Promise<void>((resolve) => {
    moving.onicecandidate = ({ candidate }) => candidate === null && resolve();
  });
  await moving.setLocalDescription({ type: "offer", sdp: await offerOf(moving) });
  await complete;
  const told = await ask(moving.localDescription?.sdp ?? "");
  const answer = withWay(moving.remoteDescription?.sdp ?? "", told) ?? "";
  await moving.setRemoteDescription({ type: "answer", sdp: answer });
  return told;
}

/** What comes out of a channel when one end says that it is still there. */
const said = (channel: RTCDataChannel, arrived: RTCDataChannel) =>
  new Promise((resolve) => {
    arrived.addEventListener("message", ({ data }) => resolve(data), { once: true });
    channel.send("still here");
  });

/** Names of the ways by which the other end was reached. The one before goes on where it still leads there, as it does here. */
async function waysTried(rtc: RTCPeerConnection): Promise<string[]> {
  const stats = [
    ...((await rtc.getStats()) as unknown as Map<string, Record<string, string>>).values(),
  ];
  return stats
    .filter(({ type, state }) => type === "candidate-pair" && state === "succeeded")
    .map(({ localCandidateId }) => stats.find(({ id }) => id === localCandidateId))
    .map((local) => `a=ice-ufrag:${local?.usernameFragment}`);
}

test("a peer that has moved is answered for the connection that there is, which goes on, whoever had dialled", async () => {
  for (const dialled of [true, false]) {
    const { near, far, channel, arrived } = await pair();
    const [moving, staying] = dialled ? [far, near] : [near, far];
    const before = ufrag(staying.localDescription?.sdp);
    const told = await move(moving, staying);
    expect(ufrag(told)).not.toBe(before);
    expect(told).toContain("a=candidate:");
    expect(fingerprint(told)).toBe(fingerprint(staying.localDescription?.sdp));
    await expect.poll(() => waysTried(staying), { timeout: 5_000 }).toContain(ufrag(told));
    expect(await said(channel, arrived)).toBe("still here");
    near.close();
    far.close();
  }
});

test("of what a peer tells only its new way counts, and not all of its candidates", async () => {
  const { near, far } = await pair();
  const agreed = near.remoteDescription?.sdp ?? "";
  const offer = await offerOf(far);
  const candidates = Array.from(
    { length: MAX_CANDIDATES + 5 },
    (_, at) => `a=candidate:1 1 udp 2122260223 192.0.2.${at} 9 typ host generation 0`,
  );
  const greedy = [
    ...offer.trim().split("\r\n"),
    ...candidates,
    "a=fingerprint:sha-256 00:11",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "",
  ].join("\r\n");
  const { ask } = answering(near);
  const told = await ask(greedy);
  const now = near.remoteDescription?.sdp ?? "";
  expect(ufrag(now)).toBe(ufrag(offer));
  expect(now.match(/^m=/gm)).toEqual(["m="]);
  expect(told.match(/^m=/gm)).toEqual(["m="]);
  expect(now.match(/^a=fingerprint:.+$/gm)).toEqual(agreed.match(/^a=fingerprint:.+$/gm));
  expect(now.match(/^a=candidate:.+192\.0\.2/gm)?.length).toBe(MAX_CANDIDATES);
  expect(withWay(agreed, offer.replace(/^a=ice-pwd:.+$/m, "a=ice-pwd"))).toBeUndefined();
  for (const one of [near, far]) one.close();
});

test("a peer may ask for a new way six times at once and six times a minute, and one without a connection is not read", async () => {
  const { near, far } = await pair();
  const { ask, time, how } = answering(near);
  let asked = 0;
  for (time.now = 0; time.now < 60_000; time.now += 2_000)
    asked += await ask(await offerOf(far)).then(
      () => 1,
      () => 0,
    );
  // Six that were left, and one for every ten seconds.
  expect(asked).toBe(6 + 5);
  const { admit } = how() ?? {};
  expect(admit?.(none, { peer, size: 1_000 })).toEqual({ rank: "crew" });
  expect(() => admit?.(none, { peer: "12D3KooWother", size: 1_000 })).toThrow("no connection");
  for (const one of [near, far]) one.close();
});

test("an offer for another certificate, a second one at once, and one that is too large are refused", async () => {
  const { near, far } = await pair();
  const { ask, time, how } = answering(near);
  const stranger = new RTCPeerConnection();
  stranger.createDataChannel("data");
  const before = near.remoteDescription?.sdp;
  await expect(ask(await offerOf(stranger))).rejects.toThrow("no connection of ours is meant");
  await expect(ask("rubbish")).rejects.toThrow("no connection of ours is meant");
  await expect(ask(await offerOf(far), "12D3KooWother")).rejects.toThrow("no connection of ours");
  expect(near.remoteDescription?.sdp).toBe(before);
  await ask(await offerOf(far));
  time.now = 1_999;
  await expect(ask(await offerOf(far))).rejects.toThrow("too often");
  time.now = 2_000;
  await ask(await offerOf(far));
  // What is longer is refused before it is read; such requests come over a relay, one at a time.
  expect(how()).toMatchObject({ maxBody: 16_384, maxPerPeer: 1, limited: true });
  for (const one of [near, far, stranger]) one.close();
});

test("of two offers at once that of the smaller peer id counts", async () => {
  const { near, far } = await pair();
  const { ask } = answering(near);
  await near.setLocalDescription(await near.createOffer({ iceRestart: true }));
  await expect(ask(await offerOf(far))).rejects.toThrow("our own offer counts");
  expect(near.signalingState).toBe("have-local-offer");
  near.close();
  far.close();
});

const FASTER = 4;

/** The asking side of a tab that is connected by `far`, with a clock FASTER times as fast. `dial` is a way through a relay. */
function asking(far: RTCPeerConnection, dial: () => Promise<Connection>) {
  const remotePeer = peerIdFromString(peer);
  return keepWays({
    node: {
      peerId: OWN,
      getConnections: () => [
        {
          status: "open",
          remotePeer,
          remoteAddr: `/p2p/${RELAY}/p2p-circuit/webrtc/p2p/${peer}`,
          maConn: { peerConnection: far },
        },
      ],
      peerStore: { get: () => Promise.reject(new Error("not known")) },
    },
    direct: { dial },
    relays: configuredRelays([`/ip4/127.0.0.1/tcp/1/ws/p2p/${RELAY}`], { local: true }),
    serve() {},
    clock: {
      ...systemClock,
      sleep: (ms: number, options: Waits) => systemClock.sleep(ms / FASTER, options),
    },
    configuration: async () => ({}),
    busy: () => true,
    signal: new AbortController().signal,
  } as unknown as RestartOptions);
}

test("a tab that has moved asks time and again for eight seconds, and then keeps the way that it had", async () => {
  const { near, far, channel, arrived } = await pair();
  const before = ufrag(far.localDescription?.sdp);
  let dials = 0;
  const began = performance.now();
  await asking(far, async () => {
    dials += 1;
    throw new Error("no relay leads there");
  }).moved();
  const took = FASTER * (performance.now() - began);
  expect(took).toBeGreaterThan(7_000);
  // One more each half a second, once candidates are gathered.
  expect(dials).toBeGreaterThan(3);
  expect(dials).toBeLessThanOrEqual(16);
  expect(far.signalingState).toBe("stable");
  expect(ufrag(far.localDescription?.sdp)).toBe(before);
  expect(await said(channel, arrived)).toBe("still here");
  near.close();
  far.close();
});
