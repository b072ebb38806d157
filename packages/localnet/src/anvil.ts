import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { CodedError } from "@tabcast/runtime";

/** The local chain did not start, or died. */
export class AnvilError extends CodedError<
  /** npm has no anvil for this machine. Do: give another chain with TABCAST_RPC, TABCAST_CONTRACT, TABCAST_CHAIN_ID. */
  | { code: "ANVIL_MISSING"; platform: string }
  /** The local chain did not start, or died. Do: read its last line in the message; free memory and ports. */
  | { code: "ANVIL_FAILED"; exit: number | null }
> {}

/** A chain of our own in a process of its own. */
export interface Anvil {
  readonly rpc: string;
  readonly pid: number;
  /** Stops the process and waits until it is gone. May be called twice. */
  close(): Promise<void>;
  /** For a process that is ending anyway: stops it without waiting. */
  kill(): void;
}

/** Chain id of every local network. */
export const localChainId = 31_337;
const platforms: Readonly<Record<string, string>> = {
  linux: "linux",
  darwin: "darwin",
  win32: "win32",
};

/** The program itself: npm's launcher around it would be one more process to stop. */
function binary(): string {
  const name = `anvil-${platforms[process.platform]}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const inside = createRequire(require.resolve("@foundry-rs/anvil/package.json"));
    return inside.resolve(
      `@foundry-rs/${name}/bin/anvil${process.platform === "win32" ? ".exe" : ""}`,
    );
  } catch (cause) {
    throw new AnvilError(
      { code: "ANVIL_MISSING", platform: name },
      `no anvil for this machine (${name}); give another chain with TABCAST_RPC, TABCAST_CONTRACT and TABCAST_CHAIN_ID`,
      { cause },
    );
  }
}

export interface StartAnvil {
  /** Whose pages a browser lets read its answers; "*" for all. Default: none. */
  readonly origin?: string | undefined;
  readonly signal: AbortSignal;
}

/** Starts anvil on a free port of 127.0.0.1. Throws ANVIL_MISSING or ANVIL_FAILED. */
export async function startAnvil({ origin, signal }: StartAnvil): Promise<Anvil> {
  signal.throwIfAborted();
  const args = ["--host", "127.0.0.1", "--port", "0", "--chain-id", String(localChainId)];
  args.push(...(origin === undefined ? ["--no-cors"] : ["--allow-origin", origin]));
  // If we are killed outright, the shell's stdin closes and it stops anvil. Where there is no such shell, only we do.
  const leash = [
    "exec 3<&0",
    '"$0" "$@" <&- 3<&- & child=$!',
    'echo "anvil $child"',
    "(read -r _ <&3; kill $child) & reader=$!",
    "wait $child; code=$?",
    "kill $reader 2>&-; exit $code",
  ].join("\n");
  const leashed = process.platform !== "win32";
  const child: ChildProcess = leashed
    ? spawn("/bin/sh", ["-c", leash, binary(), ...args], {
        stdio: ["pipe", "pipe", "pipe"],
        // Ctrl-C in a terminal goes to the whole group, and anvil must outlive it until everything is settled.
        detached: true,
      })
    : spawn(binary(), args, { stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  const gone = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
    child.once("error", () => resolve(null));
  });
  let pid = child.pid ?? 0;
  const kill = (): void => {
    child.stdin?.end();
    if (!leashed) child.kill();
  };
  const killNow = (): void => {
    try {
      if (pid > 0) process.kill(pid, "SIGKILL");
    } catch {
      // Already gone.
    }
  };

  const port = await new Promise<number>((resolve, reject) => {
    let text = "";
    let last = "";
    const onAbort = (): void => {
      kill();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    child.stderr?.on("data", (chunk) => {
      last = String(chunk).trim().split("\n").at(-1) ?? last;
    });
    child.stdout?.on("data", function read(chunk: Buffer) {
      text += chunk;
      const own = /^anvil (\d+)$/m.exec(text)?.[1];
      if (own !== undefined) pid = Number(own);
      const found = /Listening on 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (found === undefined) return;
      // It logs every call; what nobody reads must still be drained.
      child.stdout?.off("data", read);
      child.stdout?.resume();
      signal.removeEventListener("abort", onAbort);
      resolve(Number(found));
    });
    void gone.then((exit) => {
      signal.removeEventListener("abort", onAbort);
      reject(
        new AnvilError(
          { code: "ANVIL_FAILED", exit },
          `the local chain (anvil) did not start, exit ${exit}${last === "" ? "" : `: ${last}`}`,
        ),
      );
    });
  });
  process.once("exit", killNow);
  return {
    rpc: `http://127.0.0.1:${port}`,
    pid,
    kill: killNow,
    async close() {
      kill();
      await gone;
      process.off("exit", killNow);
    },
  };
}
