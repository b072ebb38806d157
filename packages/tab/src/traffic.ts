import type { Mesh, Message } from "@tabcast/mesh";

/** One second of a tab's traffic. */
export interface Sample {
  /** Unix seconds. */
  readonly at: number;
  /** Bytes of requests, answers and gossip. */
  readonly received: number;
  readonly sent: number;
}

/** Counts bytes into seconds and keeps the last two minutes. */
export interface Meter {
  count(direction: "received" | "sent", bytes: number): void;
  /** The last `KEPT` whole seconds before `now` (Unix milliseconds), oldest first; quiet ones are zero. */
  samples(now: number): Sample[];
}

const KEPT = 120;

/** A meter that began at `begin`; `clock` says what time it is. Both in Unix milliseconds. */
export function meter(begin: number, clock: () => number): Meter {
  const first = Math.floor(begin / 1000);
  const seconds = new Map<number, { received: number; sent: number }>();
  return {
    count: (direction, bytes) => {
      const at = Math.floor(clock() / 1000);
      const second = seconds.get(at) ?? { received: 0, sent: 0 };
      second[direction] += bytes;
      seconds.set(at, second);
      for (const old of seconds.keys()) if (old < at - KEPT) seconds.delete(old);
    },
    samples: (now) => {
      const end = Math.floor(now / 1000);
      const start = Math.max(first, end - KEPT);
      return Array.from({ length: Math.max(0, end - start) }, (_, i) => ({
        at: start + i,
        ...(seconds.get(start + i) ?? { received: 0, sent: 0 }),
      }));
    },
  };
}

const size = ({ head, body }: Message) => head.byteLength + body.byteLength;

/** The same mesh, with its bytes counted. */
export function counted(mesh: Mesh, { count }: Meter): Mesh {
  async function* tell(parts: AsyncIterable<Message>, direction: "received" | "sent") {
    for await (const part of parts) {
      count(direction, size(part));
      yield part;
    }
  }
  return {
    self: mesh.self,
    addrs: () => mesh.addrs(),
    reachable: (options) => mesh.reachable(options),
    neighbours: () => mesh.neighbours(),
    relays: () => mesh.relays(),
    population: (topic) => mesh.population(topic),
    subscribers: (topic) => mesh.subscribers(topic),
    keep: (peer, wanted) => mesh.keep(peer, wanted),
    watch: (on, options) => mesh.watch(on, options),
    close: () => mesh.close(),
    publish: (topic, body) => {
      count("sent", body.byteLength);
      return mesh.publish(topic, body);
    },
    subscribe: (topic, on, options) =>
      mesh.subscribe(
        topic,
        (message) => {
          count("received", message.body.byteLength);
          on(message);
        },
        options,
      ),
    request: (peer, protocol, message, options) => {
      count("sent", size(message));
      const { following } = options;
      const counting = following ? { ...options, following: tell(following, "sent") } : options;
      return tell(mesh.request(peer, protocol, message, counting), "received");
    },
    serve: (protocol, handler, options) =>
      mesh.serve(
        protocol,
        (request, asker) => {
          count("received", size(request));
          const following = tell(asker.following, "received");
          return tell(handler(request, { ...asker, following }), "sent");
        },
        options,
      ),
  };
}
