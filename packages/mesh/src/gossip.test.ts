import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GossipSub, gossipsub, type Message, StrictSign } from "@chainsafe/libp2p-gossipsub";
import { generateKeyPair, publicKeyToProtobuf } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { Millis, secureRandom, systemClock } from "@tabcast/runtime";
import { createLibp2p } from "libp2p";
import { afterEach, expect, test } from "vitest";
import { guardGossip } from "./gossip.ts";
import type { GossipRules, Judgement, PeerId } from "./mesh.ts";
import { createRelay, type Relay } from "./relay.ts";

const TOPIC = "/tabcast/test/ruled";
const text = (value: string) => new TextEncoder().encode(value);

/** A message passes if it begins with its author, and is no larger than 1,000 bytes. */
function rulesOf(judged: (author: PeerId) => void = () => {}): GossipRules {
  const judge = async (body: Uint8Array, author: PeerId): Promise<Judgement> => {
    judged(author);
    return new TextDecoder().decode(body).startsWith(author) ? "accept" : "reject";
  };
  const all = { perSecond: 1, burst: 1_000 };
  return new Map([[TOPIC, { largest: 1_000, each: { perSecond: 1, burst: 60 }, all, judge }]]);
}

let closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  closers = [];
});

async function startRelay(rules?: GossipRules): Promise<Relay> {
  const directory = await mkdtemp(join(tmpdir(), "tabcast-gossip-"));
  closers.push(() => rm(directory, { recursive: true, force: true }));
  const relay = await createRelay({
    directory,
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    topics: [TOPIC],
    ...(rules && { rules }),
  });
  closers.push(() => relay.close());
  return relay;
}

/** A tab as far as gossip goes, connected to a relay and following the topic. */
async function enter(
  relay: Relay,
  rules: GossipRules = new Map(),
  trusted: readonly PeerId[] = [],
  brought: (relay: PeerId, what: "message" | "sign") => void = () => {},
) {
  const privateKey = await generateKeyPair("Ed25519");
  let verified = 0;
  const guard = guardGossip({
    rules,
    trusted: new Set(trusted),
    clock: systemClock,
    random: secureRandom,
    brought,
  });
  const node = await createLibp2p({
    start: false,
    privateKey,
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({
        globalSignaturePolicy: StrictSign,
        allowPublishToZeroTopicPeers: true,
        fallbackToFloodsub: false,
        ...guard.options,
        // Gossipsub asks for this id once a message's signature was found good.
        msgIdFn: (message) => {
          verified++;
          return guard.options.msgIdFn?.(message) as Promise<Uint8Array>;
        },
      }),
    },
  });
  const pubsub: GossipSub = node.services.pubsub;
  guard.watch(pubsub);
  let came = 0;
  const router = pubsub as unknown as {
    handleReceivedRpc(from: unknown, rpc: { messages: unknown[] }): Promise<void>;
  };
  const handle = router.handleReceivedRpc;
  router.handleReceivedRpc = (from, rpc) => {
    came += rpc.messages.length;
    return handle(from, rpc);
  };
  const heard: string[] = [];
  pubsub.addEventListener("message", ({ detail }) =>
    heard.push(new TextDecoder().decode(detail.data)),
  );
  await node.start();
  closers.push(async () => node.stop());
  pubsub.subscribe(TOPIC);
  await node.dial(multiaddr(relay.addrs[0] ?? ""));
  await expect.poll(() => pubsub.getSubscribers(TOPIC).length).toBe(1);
  return {
    self: node.peerId.toString(),
    heard,
    /** Messages that came, copies included, and those whose signature was looked at. */
    counts: () => ({ came, verified }),
    join: (other: Relay) => node.dial(multiaddr(other.addrs[0] ?? "")),
    neighbours: () => pubsub.getSubscribers(TOPIC).length,
    publish: (body: Uint8Array) => pubsub.publish(TOPIC, body),
    /** From here on it signs with another key than its connection's. */
    async disguise(): Promise<PeerId> {
      const key = await generateKeyPair("Ed25519");
      const author = peerIdFromPrivateKey(key);
      const config = { type: 0, author, key: publicKeyToProtobuf(key.publicKey), privateKey: key };
      Object.assign(pubsub, { publishConfig: config });
      return author.toString();
    },
    score: (peer: PeerId) =>
      (pubsub as unknown as { getScore(peer: PeerId): number }).getScore(peer),
  };
}

test("what a relay brings that is bad or old is a sign of it, and no message that others should have brought too", async () => {
  const relay = await startRelay();
  const signs: string[] = [];
  const hearer = await enter(relay, rulesOf(), [relay.id], (_, what) => signs.push(what));
  const speaker = await enter(relay);
  await speaker.publish(text("bad"));
  await expect.poll(() => signs).toContain("sign");
  await speaker.publish(text(`${speaker.self} good`));
  await expect.poll(() => hearer.heard.length).toBe(1);
  expect(signs.filter((what) => what === "message")).toHaveLength(1);
});

test("a message that names another peer than its author does not cross a relay, and its bringer is no longer heard", async () => {
  const relay = await startRelay(rulesOf());
  const [forger, honest, viewer] = [await enter(relay), await enter(relay), await enter(relay)];
  for (let i = 0; i < 50; i++) await forger.publish(text(`${honest.self} forged ${i}`));
  await honest.publish(text(`${honest.self} mine`));
  await expect.poll(() => viewer.heard).toEqual([`${honest.self} mine`]);
  // The score is computed once a second.
  await expect
    .poll(
      async () => {
        const before = viewer.heard.length;
        for (let i = 0; i < 5; i++) await forger.publish(text(`${forger.self} ${Math.random()}`));
        await honest.publish(text(`${honest.self} ${Math.random()}`));
        await expect.poll(() => viewer.heard.at(-1)).toMatch(honest.self);
        return viewer.heard.slice(before).every((said) => said.startsWith(honest.self));
      },
      { timeout: 10_000 },
    )
    .toBe(true);
});

test("of 50 garbage messages of 200 kB none crosses a relay", async () => {
  const relay = await startRelay(rulesOf());
  const [flooder, honest, viewer] = [await enter(relay), await enter(relay), await enter(relay)];
  for (let i = 0; i < 50; i++) {
    const body = new Uint8Array(200_000).fill(i);
    body.set(text(flooder.self));
    await flooder.publish(body);
  }
  await honest.publish(text(`${honest.self} mine`));
  await expect.poll(() => viewer.heard).toEqual([`${honest.self} mine`]);
});

test("one connection brings no more under 200 names than under one, and takes nothing from another", async () => {
  const judged = new Set<PeerId>();
  const relay = await startRelay(rulesOf((author) => judged.add(author)));
  const [flooder, honest, viewer] = [await enter(relay), await enter(relay), await enter(relay)];
  for (let i = 0; i < 200; i++) {
    const name = await flooder.disguise();
    await flooder.publish(text(`${name} ${i}`));
  }
  await honest.publish(text(`${honest.self} mine`));
  await expect.poll(() => viewer.heard).toContain(`${honest.self} mine`);
  const crossed = viewer.heard.length - 1;
  expect(crossed).toBeGreaterThanOrEqual(50);
  expect(crossed).toBeLessThanOrEqual(75); // 60, and one each second that this took
  expect(judged.size).toBe(crossed + 1);
});

test("a copy is known before its signature is looked at", async () => {
  const relays = [await startRelay(rulesOf()), await startRelay(rulesOf())] as const;
  const [author, viewer] = [await enter(relays[0], rulesOf()), await enter(relays[0], rulesOf())];
  for (const one of [author, viewer]) {
    await one.join(relays[1]);
    await expect.poll(() => one.neighbours()).toBe(2);
  }
  // Small ones: of larger messages gossipsub has copies called off.
  for (let i = 0; i < 30; i++) await author.publish(text(`${author.self} ${i}`));
  await expect.poll(() => viewer.counts().came, { timeout: 5_000 }).toBe(60);
  expect(viewer.counts().verified).toBe(30);
  expect(viewer.heard).toHaveLength(30);
});

test.each([
  ["hears on", true],
  ["hears no more", false],
])(
  "of a relay that passes on what is rejected a tab %s, where its configuration names it: %s",
  async (_, named) => {
    const relay = await startRelay(); // one without rules
    const [forger, honest] = [await enter(relay), await enter(relay)];
    const tab = await enter(relay, rulesOf(), named ? [relay.id] : []);
    let rejected = 0;
    await expect
      .poll(
        async () => {
          for (let i = 0; i < 5; i++) await forger.publish(text(`forged ${rejected++}`));
          return tab.score(relay.id) < -80 || (named && rejected >= 40);
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    tab.heard.length = 0;
    await honest.publish(text(`${honest.self} mine`));
    if (named) await expect.poll(() => tab.heard).toEqual([`${honest.self} mine`]);
    else {
      const witness = await enter(relay, rulesOf());
      await honest.publish(text(`${honest.self} again`));
      await expect.poll(() => witness.heard).toContain(`${honest.self} again`);
      expect(tab.heard).toEqual([]);
    }
  },
);

test("a message's ids differ with anything that it says, so that nobody answers for another's message", async () => {
  const { options } = guardGossip({
    rules: new Map(),
    trusted: new Set(),
    clock: systemClock,
    random: secureRandom,
  });
  const key = await generateKeyPair("Ed25519");
  const raw = {
    from: Uint8Array.of(1),
    seqno: Uint8Array.of(2),
    topic: "a",
    data: Uint8Array.of(3, 4),
    signature: Uint8Array.of(5),
    key: Uint8Array.of(6),
  };
  const quick = [
    raw,
    { ...raw, from: Uint8Array.of(9) },
    { ...raw, seqno: Uint8Array.of(9) },
    { ...raw, topic: "b" },
    { ...raw, data: Uint8Array.of(3, 9) },
    { ...raw, data: Uint8Array.of(3), signature: Uint8Array.of(4, 5) },
    { ...raw, signature: Uint8Array.of(9) },
    { ...raw, key: Uint8Array.of(9) },
  ].map((message) => options.fastMsgIdFn?.(message as never));
  expect(new Set(quick).size).toBe(quick.length);
  expect(options.fastMsgIdFn?.({ ...raw } as never)).toBe(quick[0]);
  const message = {
    type: "signed",
    from: peerIdFromPrivateKey(key),
    topic: "a",
    data: Uint8Array.of(3, 4),
    sequenceNumber: 7n,
  } as Message & { type: "signed" };
  const ids = await Promise.all(
    [
      message,
      { ...message, topic: "b" },
      { ...message, data: Uint8Array.of(3) },
      { ...message, sequenceNumber: 8n },
      { ...message, from: peerIdFromPrivateKey(await generateKeyPair("Ed25519")) },
    ].map(async (one) => String(await options.msgIdFn?.(one))),
  );
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]?.split(",")).toHaveLength(20);
});

/** A router that notes what it is handed, under a guard, and a way to bring it messages. */
function fakeRouter(score = 0) {
  const handed: string[] = [];
  const pubsub = {
    topicValidators: new Map(),
    addEventListener() {},
    getTopics: () => [TOPIC],
    getScore: () => score,
    async handleReceivedRpc(from: string, rpc: { messages: { data: Uint8Array }[] }) {
      for (const { data } of rpc.messages) handed.push(`${from} ${new TextDecoder().decode(data)}`);
    },
  };
  const guard = guardGossip({
    rules: rulesOf(),
    trusted: new Set(),
    clock: { now: () => Millis.of(0) },
    random: secureRandom,
  });
  guard.watch(pubsub as unknown as GossipSub);
  const bring = (neighbour: string, data: string, topic = TOPIC) =>
    pubsub.handleReceivedRpc(neighbour, {
      subscriptions: [],
      messages: [{ topic, data: text(data), signature: text(data) }],
    } as never);
  return { handed, bring };
}

test("what a neighbour brings beyond its allowance is not read, and counts all the same when another brings it", async () => {
  const { handed, bring } = fakeRouter();
  for (let i = 0; i < 70; i++) await bring("flooder", `${i}`);
  expect(handed).toHaveLength(60);
  await bring("flooder", "an honest message");
  await bring("other", "an honest message");
  expect(handed.slice(60)).toEqual(["other an honest message"]);
});

test("a message is read once of each neighbour, only of topics that are followed, and of nobody who is not heard", async () => {
  const { handed, bring } = fakeRouter();
  for (const neighbour of ["a", "a", "b", "b", "a"]) await bring(neighbour, "one");
  await bring("a", "elsewhere", "/tabcast/test/other");
  expect(handed).toEqual(["a one", "b one"]);
  const deaf = fakeRouter(-81);
  await deaf.bring("a", "one");
  expect(deaf.handed).toEqual([]);
});
