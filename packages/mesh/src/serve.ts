import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import type { Clock } from "@tabcast/runtime";
import { openBudget } from "./budget.ts";
import { overStream } from "./duplex.ts";
import { MeshError } from "./error.ts";
import type { Handler, Name, ServeOptions, Waits } from "./mesh.ts";
import { answerer, type Serving } from "./rpc.ts";

export interface ServerOptions extends Waits, Pick<Serving, "turns"> {
  readonly clock: Clock;
  /** Told of each stream of a request. */
  readonly opened: (stream: Stream, connection: Connection) => void;
}

/** By which connections a protocol is answered. */
interface Ways {
  /** Also by those through a relay, which carry few bytes for a short while. Default false. */
  readonly limited?: boolean;
}

/** Answers requests, one handler a protocol. */
export function server(
  node: Pick<Libp2p, "handle" | "unhandle">,
  tab: ServerOptions,
): { serve(protocol: Name, handler: Handler, options: ServeOptions & Waits & Ways): void } {
  const served = new Set<Name>();
  const serving = { clock: tab.clock, budget: openBudget(), turns: tab.turns };
  return {
    serve(protocol, handler, options) {
      if (served.has(protocol))
        throw new MeshError(
          { code: "MESH_PROTOCOL_TAKEN", protocol },
          `${protocol} is answered already`,
        );
      const signal = AbortSignal.any([options.signal, tab.signal]);
      if (signal.aborted) return;
      served.add(protocol);
      const accept = answerer(handler, { ...options, ...serving, signal });
      node
        .handle(
          protocol,
          (stream, connection) => {
            // One through a relay has no place to keep: it makes room for those who come to connect.
            if (connection.limits == null) tab.opened(stream, connection);
            accept(connection.remotePeer.toString(), overStream(stream, connection));
          },
          // The answerer counts; libp2p's own count, per connection, includes streams that are only closing.
          {
            maxInboundStreams: 128,
            maxOutboundStreams: 256,
            runOnLimitedConnection: options.limited === true,
          },
        )
        .catch(() => {});
      signal.addEventListener(
        "abort",
        () => {
          served.delete(protocol);
          if (!tab.signal.aborted) node.unhandle(protocol).catch(() => {});
        },
        { once: true },
      );
    },
  };
}
