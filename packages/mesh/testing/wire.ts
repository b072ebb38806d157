import type { Count, Named, PeersWire, Sample } from "../src/discovery/types.ts";

interface Plain extends Pick<Sample, "relays"> {
  readonly peers: readonly Named[];
  readonly populations: readonly (readonly [string, Count])[];
}

/** Questions for peers as JSON: the protocol's own messages are not the mesh's business. */
export const plainWire: PeersWire = {
  protocol: "/tabcast/1/peers",
  ask: () => new Uint8Array(0),
  readAsk() {},
  answer: (sample) =>
    new TextEncoder().encode(
      JSON.stringify({ ...sample, populations: [...sample.populations] } satisfies Plain),
    ),
  read(head) {
    const sample = JSON.parse(new TextDecoder().decode(head)) as Plain;
    return { ...sample, populations: new Map(sample.populations) };
  },
};
