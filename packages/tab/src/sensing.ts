import type { Availability } from "@tabcast/market";
import type { Outside } from "./outside.ts";

/** Hours begin and end on a minute; looked at this often, in milliseconds. */
const EVERY = 20_000;

/** Tells a worker what time it is and whether the device is plugged in: now, on each change, and as time passes. */
export function sense(
  { clock, localTime, charging }: Outside,
  tell: (facts: Omit<Availability.Facts, "jobs">) => void,
  { signal }: { signal: AbortSignal },
): void {
  let plugged: boolean | undefined;
  const report = () => tell({ ...localTime(clock.unix()), charging: plugged });
  charging(
    (now) => {
      plugged = now;
      report();
    },
    { signal },
  );
  report();
  void (async () => {
    for (;;) {
      await clock.sleep(EVERY, { signal });
      report();
    }
  })().catch(() => undefined); // only the signal rejects
}
