/** Uplinks of a memory network: so many bytes a second, shared evenly by the peers that something is sent to. */
import type { Clock } from "@tabcast/runtime";
import type { PeerId, Waits } from "./mesh.ts";

/** Bytes that leave before it is another peer's turn. */
const PACKET = 16 * 1024;

/** The way from one peer to another. */
export interface Line {
  /** Sends `size` bytes after what was sent before; `go` runs when the last one has left, and its end is the promise's. */
  send(size: number, go: () => Promise<void> | void): Promise<void>;
  /** Resolves when at most so many bytes wait. Rejects with the signal's reason. */
  below(size: number, options: Waits): Promise<void>;
}

/** Every way is a line of its own. `uplink`: bytes a second; undefined: nothing ever waits. */
export function openLinks({
  clock,
  uplink,
}: {
  clock: Clock;
  uplink: (peer: PeerId) => number | undefined;
}): (from: PeerId, to: PeerId) => Line {
  const links = new Map<PeerId, (to: PeerId) => Line>();
  const free: Line = { send: async (_, go) => go(), below: async () => {} };
  return (from, to) => {
    const rate = uplink(from);
    if (rate === undefined) return free;
    const link = links.get(from) ?? openLink(clock, rate);
    links.set(from, link);
    return link(to);
  };
}

interface Item {
  left: number;
  readonly go: () => void;
}

function openLink(clock: Clock, bytesPerSecond: number): (to: PeerId) => Line {
  /** What waits, by peer; the one whose turn it is comes first. */
  const queues = new Map<PeerId, Item[]>();
  const waits = new Set<() => void>();
  let running = false;
  const sizeOf = (to: PeerId) => (queues.get(to) ?? []).reduce((sum, { left }) => sum + left, 0);

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    let due = clock.now() as number;
    for (const [to, queue] of queues) {
      const [first] = queue;
      queues.delete(to);
      if (first === undefined) continue;
      queues.set(to, queue); // behind the others
      const size = Math.min(PACKET, first.left);
      due = Math.max(due, clock.now()) + (size * 1_000) / bytesPerSecond;
      const ms = due - clock.now();
      if (ms > 0) await clock.sleep(ms);
      first.left -= size;
      if (first.left > 0) continue;
      queue.shift();
      first.go();
      for (const look of waits) look();
    }
    running = false;
  }

  return (to) => ({
    send: (size, go) =>
      new Promise((resolve, reject) => {
        const queue = queues.get(to) ?? [];
        queues.set(to, queue);
        const sent = () => void Promise.resolve(go()).then(resolve, reject);
        queue.push({ left: size, go: sent });
        void run();
      }),
    below: (most, { signal }) =>
      new Promise((resolve, reject) => {
        const end = () => {
          waits.delete(look);
          signal.removeEventListener("abort", look);
        };
        const look = () => {
          if (!signal.aborted && sizeOf(to) > most) return;
          end();
          if (signal.aborted) reject(signal.reason);
          else resolve();
        };
        waits.add(look);
        signal.addEventListener("abort", look);
        look();
      }),
  });
}
