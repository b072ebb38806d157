import { type Complaint, openComplaint, PROTOCOLS, publicKeyOf } from "@tabcast/protocol";
import { equalBytes } from "@tabcast/runtime";
import { answer } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import type { StreamContext } from "./context.ts";

const NOTHING = new Uint8Array(0);

export interface ComplaintsOptions {
  readonly limiter: RateLimiter;
  /** A complaint that has a viewer's signature and work behind it. */
  readonly heard: (complaint: Complaint) => void;
}

/** Hears what viewers could not get. The answer is the same whatever comes of it: who complains does not learn where the next look goes. */
export function serveComplaints(
  { mesh, stream, signal }: Pick<StreamContext, "mesh" | "stream" | "signal">,
  { limiter, heard }: ComplaintsOptions,
): void {
  answer(mesh, PROTOCOLS.complaint, signal, async (head, peer) => {
    const from = publicKeyOf(peer);
    if (from === undefined) return undefined;
    limiter.pass("complaint", peer);
    const complaint = await openComplaint(head, { from }).catch((error: unknown) => {
      limiter.refused("complaint", peer, error);
      throw error;
    });
    // Another stream of this tab may be meant.
    if (!equalBytes(complaint.stream, stream)) return undefined;
    heard(complaint);
    return NOTHING;
  });
}
