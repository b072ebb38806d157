import type { Watchtower } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import type { Mesh } from "@tabcast/mesh";
import type { Clock } from "@tabcast/runtime";
import { openRateLimiter } from "./rate-limiter.ts";
import { serveWatchtower } from "./worker/delegate.ts";

export interface KeepVouchersOptions {
  readonly mesh: Mesh;
  readonly watchtower: Watchtower;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Keeps what workers delegate to this peer, which does nothing else, until `signal` fires. */
export function keepVouchers({ mesh, watchtower, clock, signal }: KeepVouchersOptions): void {
  const limiter = openRateLimiter(LIVE, clock, () => {});
  serveWatchtower(mesh, watchtower, { limiter, clock, signal });
}
