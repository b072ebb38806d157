import { CodedError, describe } from "@tabcast/runtime";
import { CommandError } from "./words.ts";

/** What a command gets from its process. */
export interface Terminal {
  readonly argv: readonly string[];
  /** Writes a line to stdout. */
  readonly say: (line: string) => void;
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs a command, whose number is the exit code; what it throws on purpose becomes one line on stderr, and its exit code. */
export async function main(command: (terminal: Terminal) => Promise<number>): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => stop.abort(new Error(`ended by ${name}`)));
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  try {
    process.exitCode = await command({ argv: process.argv.slice(2), say, signal: stop.signal });
  } catch (error) {
    if (!(error instanceof CodedError) && !stop.signal.aborted) throw error;
    process.stderr.write(`error: ${describe(error)}\n`);
    process.exitCode = exitOf(error);
  }
  // The line to the script that started this process, and open connections, would keep it.
  process.disconnect?.();
}

/** 2 for what the caller can mend by other words, a key or money; 1 for the rest. */
export function exitOf(error: unknown): 1 | 2 {
  if (error instanceof CommandError) return error.exit;
  return error instanceof CodedError && error.code === "CHAIN_INSUFFICIENT" ? 2 : 1;
}
