import { fileURLToPath } from "node:url";
import { CodedError } from "@tabcast/runtime";
import { ServerError } from "./server.ts";

/** A command was stopped before it had begun. Do: start it again. */
export class StoppedError extends CodedError<{ code: "STOPPED" }> {}

const usualPort = 4_800;
/** Signals that come together are one Ctrl-C: a terminal sends it to us, and npm and the script that started us forward it. Milliseconds. */
const sameSignal = 700;
/** Where the relay of a command keeps its key, so that pages that stay open find it again. */
export const relayDirectory = fileURLToPath(
  new URL("../../../.cache/localnet/relay", import.meta.url),
);

/** Starts on the port asked for, or on a free one where the usual port is taken and none was asked for. */
export async function onPort<T>(
  asked: number | undefined,
  start: (port: number) => Promise<T>,
  note: (message: string) => void,
): Promise<T> {
  if (asked !== undefined) return start(asked);
  try {
    return await start(usualPort);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    note(`port ${usualPort} is in use, so the pages get another one`);
    return start(0);
  }
}

export interface Ctrl {
  /** Fires at the first signal. */
  readonly stop: AbortSignal;
  /** Called at the first signal once there is something to end well; before that, the start is aborted. */
  whenStopped(act: () => void): void;
}

/** First Ctrl-C: end well; `early` is what is said if there was nothing yet to end. Second: end now; children are stopped as the process ends. */
export function listen(early: string): Ctrl {
  const own = new AbortController();
  let first = 0;
  let act: (() => void) | undefined;
  const onSignal = (): void => {
    if (first === 0) {
      first = Date.now();
      own.abort(new StoppedError({ code: "STOPPED" }, early));
      act?.();
    } else if (Date.now() - first > sameSignal) process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, onSignal);
  // Whoever started us is gone, and nobody reads us any more.
  process.once("disconnect", onSignal);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", onSignal);
  return {
    stop: own.signal,
    whenStopped(then) {
      act = then;
      if (own.signal.aborted) then();
    },
  };
}
