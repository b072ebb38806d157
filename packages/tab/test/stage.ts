import {
  memory as memoryBooks,
  type OpenWatchtowerOptions,
  PayeeProof,
  type Purse,
} from "@tabcast/channel";
import type { CodecName } from "@tabcast/media";
import { memory, memoryNetwork, type PeerId } from "@tabcast/mesh";
import {
  Bid,
  BidReply,
  Envelope,
  gossipRules,
  Keys,
  OFFERS_TOPIC,
  PROTOCOLS,
  peerIdOf,
  sealOffer,
} from "@tabcast/protocol";
import { systemClock, toHex } from "@tabcast/runtime";
import type { Outside, TabWorkerEvent } from "../src/index.ts";
import { openTab } from "../src/index.ts";

const contract = `0x${"c".repeat(40)}` as const;
export const payee = `0x${"d".repeat(40)}` as const;

/** The gas purse of every browser of the stage. */
export const gas = `0x${"e".repeat(40)}` as const;

/** What tabs of the stage find at /tabcast.json. */
export const network = {
  relays: ["/memory/1/p2p/12D3KooWrelay"],
  local: true,
  chain: { id: 31337, rpc: "http://127.0.0.1:8545", contract },
};

/** A network in memory with one broadcaster that publishes offers, and tabs that may work for it. */
export async function openStage() {
  const members = memoryNetwork();
  const streamKeys = await Keys.generate();
  const broadcasterKeys = await Keys.generate();
  const self = peerIdOf(broadcasterKeys.publicKey);
  const mesh = memory(members, { self });
  const bids: PeerId[] = [];
  const proofs: Uint8Array[] = [];
  const { signal } = new AbortController();
  mesh.subscribe(OFFERS_TOPIC, () => {}, { signal });
  mesh.serve(
    PROTOCOLS.bid,
    async function* ({ head: sealed }, { peer }) {
      bids.push(peer);
      const { payload } = await Envelope.open(sealed, "bid");
      proofs.push(Bid.decode(payload).payeeProof);
      const head = BidReply.encode({ ok: true, why: "", retryMs: 0 });
      yield { head, body: new Uint8Array(0) };
    },
    { signal },
  );
  let offers = 0;

  return {
    broadcaster: self,
    stream: toHex(streamKeys.publicKey),
    bids,
    /** The payees' proofs in them; empty where a bid had none. */
    proofs,
    /** Publishes an offer that any device could take. */
    async offer(more: { maxPrice?: bigint; need?: string[]; crew?: Uint8Array } = {}) {
      const sealed = await sealOffer(streamKeys, {
        id: new Uint8Array(16).fill(++offers),
        stream: streamKeys.publicKey,
        broadcaster: self,
        addrs: [],
        sourceCodec: "avc1.42E01E",
        width: 640,
        height: 360,
        fpsMilli: 30_000,
        sourceBitrate: 1_000_000,
        codec: "avc",
        rungs: [{ name: "240p", width: 426, height: 240, bitrate: 300_000 }],
        segmentMs: 2_000,
        slackMs: 4_000,
        maxPrice: 1_000_000_000_000n,
        wanted: 1,
        pot: {
          chainId: network.chain.id,
          contract: new Uint8Array(20),
          payer: new Uint8Array(20),
          signer: new Uint8Array(20),
          token: new Uint8Array(20),
          challengeS: 900,
          salt: new Uint8Array(32),
        },
        window: 2,
        ttlMs: 10_000,
        atMs: Math.round(systemClock.unix()),
        seedCommit: new Uint8Array(32),
        need: [],
        crew: new Uint8Array(0),
        ...more,
      });
      await mesh.publish(OFFERS_TOPIC, sealed);
    },
    /** A tab of this network. Its books may be those of an earlier one, as after a reload. */
    tab(books = memoryBooks(), more: Partial<Outside> = {}) {
      const kept = crypto.getRandomValues(new Uint8Array(32));
      const purses: { payee: string; open: boolean; softCap?: bigint; share?: number }[] = [];
      /** Who was to pay for the claims of each watchtower that was opened. */
      const towers: string[] = [];
      let tower: OpenWatchtowerOptions | undefined;
      const measured: CodecName[] = [];
      const outside = {
        fetch: async () => Response.json(network),
        seed: async () => kept,
        relayOnly: { kept: () => false, keep() {} },
        warn() {},
        async mesh(_, { seed = crypto.getRandomValues(new Uint8Array(32)), signal }) {
          const keys = await Keys.fromSeed(seed);
          const rules = gossipRules({ clock: systemClock });
          const mesh = memory(members, { self: peerIdOf(keys.publicKey), rules });
          signal.addEventListener("abort", () => void mesh.close(), { once: true });
          return mesh;
        },
        store: async () => books.share(),
        money: async () =>
          ({
            PayeeProof,
            openWatchtower: async (options: OpenWatchtowerOptions) => {
              towers.push(options.account.address);
              tower = options;
              throw new Error("another tab of this browser keeps them");
            },
            openBurner: async () => ({ address: gas, account: { address: gas, type: "local" } }),
            openPurse: async (options: {
              payee: string;
              softCap?: bigint;
              watchtowerShare?: number;
            }) => {
              const { softCap, watchtowerShare: share = 5 } = options;
              const purse = {
                payee: options.payee,
                open: true,
                ...(softCap && { softCap }),
                // Only where it is not the default: most tests ask nothing of it.
                ...(share !== 5 && { share }),
              };
              purses.push(purse);
              return {
                payee: options.payee,
                lane: 7,
                watch() {},
                balances: () => ({ accrued: 0n, vouchered: 5n, claimed: 2n, outstanding: 3n }),
                guaranteed: () => 1n,
                checked: () => false,
                held: () => [],
                highest: (pot: string) => (pot === "0x05" ? { cumulative: 5n } : undefined),
                close: async () => {
                  purse.open = false;
                },
              } as unknown as Purse;
            },
            Chain: { connect: async () => ({ credit: async () => 11n }) },
          }) as unknown as Awaited<ReturnType<Outside["money"]>>,
        media: async () =>
          ({
            measure: async ({ codec }: { codec: CodecName }) => {
              measured.push(codec);
              return { codec, pixelsPerSecond: 1e9, hardware: "sw" };
            },
            createTranscoder: () => ({ close() {} }),
          }) as unknown as Awaited<ReturnType<Outside["media"]>>,
        localTime: () => ({ day: 1, minute: 720 }),
        charging() {},
        ...more,
      } satisfies Partial<Outside>;
      const tab = openTab({ namespace: "test", outside });
      /** What the last watchtower was opened with. */
      const watching = () => tower;
      return { tab, outside, purses, towers, watching, measured };
    },
  };
}

type Heard = TabWorkerEvent;

/** Collects a worker's events, and waits for the first that a test wants. */
export function ear() {
  const heard: Heard[] = [];
  const waiting = new Set<() => void>();
  return {
    heard,
    on(event: Heard) {
      heard.push(event);
      for (const look of waiting) look();
    },
    /** The first event from now on, or heard already, that fits. */
    async next<T extends Heard["type"]>(
      type: T,
      fits: (event: Extract<Heard, { type: T }>) => boolean = () => true,
    ): Promise<Extract<Heard, { type: T }>> {
      const { promise, resolve } = Promise.withResolvers<Extract<Heard, { type: T }>>();
      const look = () => {
        const found = heard.find(
          (event): event is Extract<Heard, { type: T }> =>
            event.type === type && fits(event as Extract<Heard, { type: T }>),
        );
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      return promise.finally(() => waiting.delete(look));
    },
  };
}
