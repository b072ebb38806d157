import { inject } from "vitest";
import { compliance } from "../testing/compliance.ts";
import { libp2p } from "./libp2p.ts";

compliance("libp2p over WebRTC", (options) =>
  libp2p({
    ...options,
    seed: crypto.getRandomValues(new Uint8Array(32)),
    relays: [inject("relay")],
    iceServers: [],
    local: true,
    relaySlots: 1,
  }),
);
