import { readdirSync, readFileSync } from "node:fs";

/** What a family of processes uses. Zero where the system does not say. */
export interface Use {
  /** Proportional memory (PSS) in bytes: shared pages count for each process in part. */
  readonly bytes: number;
  /** Of that, the largest renderer and the GPU process: a browser's one busy page. */
  readonly pageBytes: number;
  /** Processor seconds since the processes began. */
  readonly seconds: number;
}

/** USER_HZ, which Linux fixes for /proc. */
const TICKS_PER_SECOND = 100;
const LOOK_MS = 100;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly seconds: number;
}

function running(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // After the name in brackets: state, parent, and from the 12th field on user and system time.
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
        const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
        return [{ pid: Number(name), parent: Number(fields[1]), seconds }];
      } catch {
        return []; // it ended while we looked
      }
    });
}

function memoryOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended, or is not ours to read
  }
}

/** Chromium's name for what a process is for; the browser itself has none. */
function kindOf(pid: number): string {
  try {
    return /--type=([\w-]+)/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}

/** What a process and all its descendants use now. */
export function useOf(root: number): Use {
  if (process.platform !== "linux") return { bytes: 0, pageBytes: 0, seconds: 0 };
  const children = Map.groupBy(running(), ({ parent }) => parent);
  const family = [...children.values()].flat().filter(({ pid }) => pid === root);
  for (const { pid } of family) family.push(...(children.get(pid) ?? []));
  let [bytes, renderer, gpu, seconds] = [0, 0, 0, 0];
  for (const each of family) {
    const memory = memoryOf(each.pid);
    const kind = kindOf(each.pid);
    if (kind === "renderer") renderer = Math.max(renderer, memory);
    if (kind === "gpu-process") gpu += memory;
    bytes += memory;
    seconds += each.seconds;
  }
  return { bytes, pageBytes: renderer + gpu, seconds };
}

/** Runs `work` and looks at a process ten times a second: the peaks of memory, and the processor seconds spent. */
export async function watched<T>(pid: number, work: () => Promise<T>): Promise<[T, Use]> {
  const before = useOf(pid);
  let [bytes, pageBytes, seconds] = [0, 0, 0];
  const look = () => {
    const now = useOf(pid);
    bytes = Math.max(bytes, now.bytes);
    pageBytes = Math.max(pageBytes, now.pageBytes);
    seconds = Math.max(seconds, now.seconds - before.seconds);
  };
  const timer = setInterval(look, LOOK_MS);
  try {
    const result = await work();
    look();
    return [result, { bytes, pageBytes, seconds }];
  } finally {
    clearInterval(timer);
  }
}
