import type { PeerId } from "@tabcast/mesh";
import { type Announce, PROTOCOLS, type Signer, sealComplaint } from "@tabcast/protocol";
import { BoundedMap, SerialQueue } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";
import type { Fault } from "../fetcher.ts";

/** A viewer complains of one holder so often at most, in milliseconds: a look at it takes as long. */
const AGAIN_MS = 15_000;
/** Holders that a complaint of is remembered. */
const MOST_HOLDERS = 256;
/** Complaints that wait for their work to be done; beyond them none is made. */
const MOST_WAITING = 3;
/** How long finding the work and telling the broadcaster may take, in milliseconds. */
const TELL_MS = 60_000;

export interface ComplainingOptions {
  readonly stream: Uint8Array;
  /** The key behind `mesh.self`; undefined: nobody is told. */
  readonly signer: Signer | undefined;
  /** Who publishes the stream. */
  readonly announce: () => Announce | undefined;
}

/** Tells a stream's broadcaster which of its holders fail. */
export interface Complaining {
  failed(of: { readonly seq: number; readonly track: string }, holder: PeerId, fault: Fault): void;
}

export function openComplaining(
  { mesh, clock, signal }: Context,
  { stream, signer, announce }: ComplainingOptions,
): Complaining {
  const told = new BoundedMap<PeerId, number>(MOST_HOLDERS);
  const queue = new SerialQueue();
  let waiting = 0;

  return {
    failed({ seq, track }, holder, fault) {
      const said = announce();
      if (signer === undefined || said === undefined || waiting >= MOST_WAITING) return;
      const { broadcaster, addrs } = said;
      // Whom it would be told of knows it.
      if (holder === broadcaster) return;
      const now = clock.now();
      if (now - (told.get(holder) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
      told.set(holder, now);
      waiting++;
      const complaint = { stream, seq, track, holder, fault, viewer: mesh.self };
      void queue
        .run(async () => {
          const waits = { signal: AbortSignal.any([signal, clock.timeout(TELL_MS)]) };
          const head = await sealComplaint(signer, complaint, waits);
          await ask(mesh, broadcaster, PROTOCOLS.complaint, head, { ...waits, addrs });
        })
        .catch(() => {}) // it did not want to hear it, or the signal fired
        .finally(() => {
          waiting--;
        });
    },
  };
}
