import type { Mesh, Message, PeerId } from "@tabcast/mesh";
import { Get, GetReply, PROTOCOLS } from "@tabcast/protocol";
import { type Bytes, toHex } from "@tabcast/runtime";
import type { BlobStore } from "./blob-store.ts";
import { rankOf, tookWhole } from "./ranks.ts";

const NOTHING = new Uint8Array(0);

/** Answers a request, or leaves it to the next one that serves the protocol in this tab by returning undefined. */
type Answer = (
  head: Uint8Array,
  peer: PeerId,
) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/** Several broadcasts, viewers and a worker may live in one tab, on one mesh, which serves each protocol once. */
const shared = new WeakMap<Mesh, Map<string, Set<unknown>>>();

/** Adds to those that serve `protocol` here until `signal` fires; `start` runs for the first one. */
function join<T>(
  mesh: Mesh,
  protocol: string,
  one: T,
  signal: AbortSignal,
  start: (all: Set<T>) => void,
): void {
  const protocols = shared.get(mesh) ?? new Map<string, Set<unknown>>();
  shared.set(mesh, protocols);
  const known = protocols.get(protocol) as Set<T> | undefined;
  const all = known ?? new Set<T>();
  protocols.set(protocol, all);
  all.add(one);
  signal.addEventListener("abort", () => all.delete(one), { once: true });
  if (known === undefined) start(all);
}

/** The mesh itself ends what is served for its whole life. One for each, which goes with it. */
const forever = () => new AbortController().signal;

/** Requests for bytes that are answered at once: of one of the crew, which pulls a whole ladder, and of anybody else. */
const MOST_GETS = 16;
const MOST_GETS_OF_OTHERS = 6;

const refuse = (why: string): Message => ({
  head: GetReply.encode({ ok: false, why, size: 0 }),
  body: NOTHING,
});

/**
 * Answers `Get` from the blob store until `signal` fires: first a head with the size, then the bytes, which leave in the turn that the
 * peer's rank has.
 */
export function serveBlobs(mesh: Mesh, blobs: BlobStore, signal: AbortSignal): void {
  join(mesh, PROTOCOLS.get, blobs, signal, (all) => {
    const busy = new Map<PeerId, number>();
    const most = (peer: PeerId) =>
      ["own", "crew"].includes(rankOf(mesh, peer)) ? MOST_GETS : MOST_GETS_OF_OTHERS;

    async function* give(hash: string, peer: PeerId): AsyncIterable<Message> {
      let bytes: Uint8Array | undefined;
      for (const store of all) bytes ??= store.get(hash);
      if (bytes === undefined) return yield refuse("not held");
      const size = bytes.byteLength;
      yield { head: GetReply.encode({ ok: true, why: "", size }), body: NOTHING };
      yield { head: NOTHING, body: bytes };
      tookWhole(mesh, peer);
    }

    mesh.serve(
      PROTOCOLS.get,
      async function* ({ head }, { peer }): AsyncIterable<Message> {
        const hash = toHex(Get.decode(head).hash);
        const count = busy.get(peer) ?? 0;
        if (count >= most(peer)) return yield refuse("busy");
        busy.set(peer, count + 1);
        try {
          yield* give(hash, peer);
        } finally {
          const left = (busy.get(peer) ?? 1) - 1;
          if (left === 0) busy.delete(peer);
          else busy.set(peer, left);
        }
      },
      {
        signal: forever(),
        admit: (_, { peer }) => ({ rank: rankOf(mesh, peer) }),
        maxBody: 0 as Bytes,
        maxPerPeer: MOST_GETS,
      },
    );
  });
}

/** Sends one request and returns the only part of its answer. Throws MESH_* errors, or an Error if nothing came. */
export async function ask(
  mesh: Mesh,
  peer: PeerId,
  protocol: string,
  head: Uint8Array,
  options: { signal: AbortSignal; addrs?: readonly string[] },
): Promise<Message> {
  const bounded = { ...options, maxBody: 0 as Bytes };
  for await (const part of mesh.request(peer, protocol, { head, body: NOTHING }, bounded))
    return part;
  throw new Error(`${peer} answered ${protocol} with nothing`);
}

/**
 * Answers a protocol of one head in, one head out, until `signal` fires. A throw, or an answer from nobody, resets the
 * stream: what does not decode gets no conversation. `everybody`: what is said may be for several in
 * this tab, so all of them hear it.
 */
export function answer(
  mesh: Mesh,
  protocol: string,
  signal: AbortSignal,
  reply: Answer,
  { everybody = false } = {},
): void {
  join(mesh, protocol, reply, signal, (all) =>
    mesh.serve(
      protocol,
      async function* ({ head }, { peer }): AsyncIterable<Message> {
        let found: Uint8Array | undefined;
        for (const one of [...all]) {
          if (found === undefined || everybody) found = (await one(head, peer)) ?? found;
        }
        if (found === undefined) throw new Error(`nobody here answers this ${protocol}`);
        yield { head: found, body: NOTHING };
      },
      { signal: forever(), maxBody: 0 as Bytes },
    ),
  );
}
