import type { Watchtower } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { contextOf, type Outside } from "./context.ts";
import { openRateLimiter } from "./rate-limiter.ts";
import { serveWatchtower } from "./worker/delegate.ts";

/** Keeps what workers delegate to this peer, which does nothing else, until `signal` fires. */
export function keepVouchers(
  outside: Outside,
  { watchtower }: { readonly watchtower: Watchtower },
): void {
  const context = contextOf(outside);
  const limiter = openRateLimiter(context, LIVE, () => {});
  serveWatchtower(context, { watchtower, limiter });
}
