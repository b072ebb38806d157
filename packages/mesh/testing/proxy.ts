import { connect, createServer, type Socket } from "node:net";

/** A way to a port of this machine that can go dead: its sockets stay open, and nothing passes. */
export interface Way {
  readonly port: number;
  /** Connections that were made through it. */
  readonly count: number;
  freeze(): void;
  close(): Promise<void>;
}

/** Listens on a port of its own. What passes takes `delay` milliseconds each way. */
export async function openProxy(to: number, { delay = 0 } = {}): Promise<Way> {
  const sockets = new Set<Socket>();
  let frozen = false;
  let count = 0;
  const server = createServer((near) => {
    count += 1;
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      const pass = (bytes: Buffer) => void (frozen || other.write(bytes));
      one.on("data", (bytes) => (delay === 0 ? pass(bytes) : setTimeout(pass, delay, bytes)));
      one.on("close", () => void (frozen || other.destroy()));
      one.on("error", () => {});
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    get count() {
      return count;
    },
    freeze() {
      frozen = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
