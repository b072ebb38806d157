import type { Mesh, Message } from "@tabcast/mesh";
import { PROTOCOLS } from "@tabcast/protocol";

/** Bytes over a stream's life, as the broadcaster's tab sends and fetches them; frames and transport apart. */
export interface Traffic {
  /** Source bytes captured, and sent to workers: once each, if nothing is hedged or repeated. */
  readonly captured: number;
  readonly sent: number;
  /** Renditions pulled to be verified. */
  readonly pulled: number;
  /** Heads of requests and answers, and gossip. */
  readonly control: number;
}

export interface Meter {
  /** The same mesh, with what it is asked to send counted. What is served is not: its owner counts it. */
  // biome-ignore lint/plugin: this is no option of a part's, it is what parts are given as their mesh
  readonly mesh: Mesh;
  captured(bytes: number): void;
  control(bytes: number): void;
  read(): Traffic;
}

export function openMeter(mesh: Mesh): Meter {
  const sums = { captured: 0, sent: 0, pulled: 0, control: 0 };
  const source = (protocol: string) => protocol === PROTOCOLS.job;
  async function* counted(parts: AsyncIterable<Message>): AsyncGenerator<Message, void, void> {
    for await (const part of parts) {
      sums.control += part.head.byteLength;
      sums.sent += part.body.byteLength;
      yield part;
    }
  }
  return {
    mesh: {
      ...mesh,
      publish(topic, body) {
        sums.control += body.byteLength;
        return mesh.publish(topic, body);
      },
      async *request(peer, protocol, message, options) {
        sums.control += message.head.byteLength;
        if (source(protocol)) sums.sent += message.body.byteLength;
        const { following } = options;
        const all = {
          ...options,
          ...(following !== undefined && { following: counted(following) }),
        };
        for await (const part of mesh.request(peer, protocol, message, all)) {
          sums.control += part.head.byteLength;
          sums.pulled += part.body.byteLength;
          yield part;
        }
      },
    },
    captured(bytes) {
      sums.captured += bytes;
    },
    control(bytes) {
      sums.control += bytes;
    },
    read: () => ({ ...sums }),
  };
}
