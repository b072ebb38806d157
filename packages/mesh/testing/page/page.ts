import { libp2p, type Mesh, MeshError, type Message } from "@tabcast/mesh";
import { Bytes } from "@tabcast/runtime";
import { plainWire } from "../wire.ts";

const BYTES = "/tabcast/bench/bytes";
const HANG = "/tabcast/bench/hang";
const DRIP = "/tabcast/bench/drip";
const SINK = "/tabcast/bench/sink";
const DRIPS = 60;
const none = new Uint8Array(0);
const payload = (size: number) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};
const MESSAGE = 64 * 1024;
const BUDGET = 128 * 1024;

let mesh: Mesh | undefined;
let crowd: Mesh[] = [];
let rtc: RTCPeerConnection | undefined;
let channel: RTCDataChannel | undefined;
let held = none;
let dripped: Promise<number | string> | undefined;
let hung: Promise<{ code: string; at: number }> | undefined;

const must = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("call join or offer first");
  return value;
};

async function all(parts: AsyncIterable<Message>): Promise<number> {
  let size = 0;
  for await (const { body } of parts) size += body.byteLength;
  return size;
}

/** The raw side: sends `held` in messages of 64 KiB, never more than 128 KiB outstanding. */
async function pour(to: RTCDataChannel): Promise<void> {
  to.bufferedAmountLowThreshold = BUDGET / 2;
  for (let at = 0; at < held.byteLength; at += MESSAGE) {
    if (to.bufferedAmount + MESSAGE > BUDGET)
      await new Promise((resolve) =>
        to.addEventListener("bufferedamountlow", resolve, { once: true }),
      );
    to.send(held.slice(at, at + MESSAGE));
  }
}

/** Resolves when all candidates are in the description: signalling by hand has no trickle. */
async function gathered(of: RTCPeerConnection): Promise<string> {
  if (of.iceGatheringState !== "complete")
    await new Promise<void>((resolve) => {
      of.onicegatheringstatechange = () => of.iceGatheringState === "complete" && resolve();
    });
  return must(of.localDescription?.sdp);
}

/** What another tab said of where it is: SDP and candidates, as they came. */
const told: string[] = [];
type Told = { readonly sdp?: string; readonly candidate?: string } | undefined;
const heard: Record<string, (given: Told) => unknown> = RTCPeerConnection.prototype as never;
for (const name of ["setRemoteDescription", "addIceCandidate"]) {
  const apply = heard[name] as (given: Told) => unknown;
  heard[name] = function (this: RTCPeerConnection, given) {
    told.push(...(given?.sdp ?? given?.candidate ?? "").split("\r\n"));
    return apply.call(this, given);
  };
}

/** What benches and tests call from outside. Times are in milliseconds. */
export const tools = {
  async join(
    relays: string[],
    alone = false,
    ice: { iceServers?: RTCIceServer[]; relayOnly?: boolean } = {},
  ): Promise<{ peer: string; addrs: readonly string[] }> {
    await mesh?.close();
    mesh = await libp2p({
      seed: crypto.getRandomValues(new Uint8Array(32)),
      relays,
      iceServers: [],
      local: true,
      relaySlots: 1,
      ...ice,
      ...(alone ? {} : { wire: plainWire }),
    });
    const signal = new AbortController().signal;
    mesh.serve(
      BYTES,
      async function* () {
        yield { head: none, body: held };
      },
      { signal },
    );
    mesh.serve(
      SINK,
      async function* (request) {
        yield { head: none, body: request.body.subarray(0, 1) };
      },
      { signal, maxBody: Bytes.of(64e6) },
    );
    mesh.serve(
      DRIP,
      async function* () {
        for (let part = 0; part < DRIPS; part++) {
          yield { head: none, body: new Uint8Array(1_000) };
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      },
      { signal },
    );
    mesh.serve(
      HANG,
      async function* (_, { signal: gone }) {
        yield { head: none, body: none };
        await new Promise((resolve) => gone.addEventListener("abort", resolve));
      },
      { signal },
    );
    await mesh.reachable({ signal: AbortSignal.timeout(10_000) });
    return { peer: mesh.self, addrs: mesh.addrs() };
  },
  /** Every line of SDP and every candidate that others have sent here. */
  told: (): readonly string[] => told,
  hold(size: number): void {
    held = payload(size);
  },
  /** Connects, opens a stream and gets a byte back. */
  async touch(peer: string, addrs: string[]): Promise<number> {
    const began = performance.now();
    await all(
      must(mesh).request(
        peer,
        SINK,
        { head: none, body: none },
        {
          addrs,
          signal: AbortSignal.timeout(30_000),
        },
      ),
    );
    return performance.now() - began;
  },
  async fetch(peer: string, size: number): Promise<number> {
    const began = performance.now();
    const got = await all(
      must(mesh).request(
        peer,
        BYTES,
        { head: none, body: none },
        {
          signal: AbortSignal.timeout(30_000),
        },
      ),
    );
    const took = performance.now() - began;
    if (got !== size) throw new Error(`got ${got} of ${size} bytes`);
    return took;
  },
  async push(peer: string): Promise<number> {
    const began = performance.now();
    await all(
      must(mesh).request(
        peer,
        SINK,
        { head: none, body: held },
        {
          signal: AbortSignal.timeout(30_000),
        },
      ),
    );
    return performance.now() - began;
  },
  /** Asks for an answer of 60 parts in twelve seconds, and resolves at its first. */
  drip(peer: string, addrs: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      dripped = (async () => {
        let parts = 0;
        const signal = AbortSignal.timeout(60_000);
        const asked = { head: none, body: none };
        try {
          for await (const _ of must(mesh).request(peer, DRIP, asked, { addrs, signal })) {
            parts += 1;
            resolve();
          }
          return parts;
        } catch (thrown) {
          reject(thrown);
          return thrown instanceof MeshError ? thrown.code : String(thrown);
        }
      })();
    });
  },
  /** Parts that came, or how that request failed. */
  dripped: (): Promise<number | string> => must(dripped),
  /** This machine has a network again. */
  online: (): void => void dispatchEvent(new Event("online")),
  /** Asks for an answer that never ends, and resolves at its first part. */
  hang(peer: string, addrs: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      hung = (async () => {
        try {
          const signal = AbortSignal.timeout(60_000);
          for await (const _ of must(mesh).request(
            peer,
            HANG,
            { head: none, body: none },
            { addrs, signal },
          ))
            resolve();
          return { code: "none", at: Date.now() };
        } catch (thrown) {
          reject(thrown);
          const code = thrown instanceof MeshError ? thrown.code : String(thrown);
          return { code, at: Date.now() };
        }
      })();
    });
  },
  /** How that request ended, and when: milliseconds since 1970. */
  hung: (): Promise<{ code: string; at: number }> => must(hung),
  addrs: (): readonly string[] => must(mesh).addrs(),
  /** Resolves when a relay holds a slot for this tab. */
  reachable: (): Promise<void> => must(mesh).reachable({ signal: AbortSignal.timeout(20_000) }),
  /** Resolves when no relay holds one any more. */
  async unreachable(): Promise<void> {
    const own = new AbortController();
    await new Promise<void>((resolve) => {
      const look = () => {
        if (must(mesh).addrs().length === 0) resolve();
      };
      must(mesh).watch(look, own);
      look();
    });
    own.abort();
  },
  /** Resolves when the peer is a neighbour over WebRTC: by discovery, as nobody asks it anything. */
  async meets(peer: string): Promise<void> {
    const own = new AbortController();
    await new Promise<void>((resolve) => {
      const look = () => {
        if (
          must(mesh)
            .neighbours()
            .some((one) => one.peer === peer && one.via === "webrtc")
        )
          resolve();
      };
      must(mesh).watch(look, own);
      look();
    });
    own.abort();
  },
  /** Asks one peer `count` times at once and says how many connections that made. */
  async rush(peer: string, addrs: string[], count: number): Promise<number> {
    const { createDataChannel } = RTCPeerConnection.prototype;
    let made = 0;
    RTCPeerConnection.prototype.createDataChannel = function (label, options) {
      // The one channel that libp2p opens per dial, for the offer to have something in it.
      if (label === "init") made += 1;
      return createDataChannel.call(this, label, options);
    };
    try {
      await Promise.all(Array.from({ length: count }, () => tools.touch(peer, addrs)));
      return made;
    } finally {
      RTCPeerConnection.prototype.createDataChannel = createDataChannel;
    }
  },
  /** Has more meshes join in this page, each reachable and none looking for anybody. */
  async gather(relays: string[], count: number): Promise<void> {
    const options = { relays, iceServers: [], local: true, relaySlots: 1 };
    crowd = await Promise.all(
      Array.from({ length: count }, () =>
        libp2p({ ...options, seed: crypto.getRandomValues(new Uint8Array(32)) }),
      ),
    );
    await Promise.all(crowd.map((one) => one.reachable({ signal: AbortSignal.timeout(30_000) })));
  },
  /** All of them ask one peer at once: the milliseconds each took, -1 for one that failed. */
  storm(peer: string, addrs: string[]): Promise<number[]> {
    return Promise.all(
      crowd.map(async (one) => {
        const began = performance.now();
        try {
          const signal = AbortSignal.timeout(40_000);
          await all(one.request(peer, SINK, { head: none, body: none }, { addrs, signal }));
          return performance.now() - began;
        } catch {
          return -1;
        }
      }),
    );
  },
  async leave(): Promise<void> {
    await mesh?.close();
    mesh = undefined;
  },
  async offer(): Promise<string> {
    rtc = new RTCPeerConnection({ iceServers: [] });
    channel = rtc.createDataChannel("raw");
    channel.binaryType = "arraybuffer";
    await rtc.setLocalDescription();
    return gathered(rtc);
  },
  async answer(sdp: string): Promise<string> {
    rtc = new RTCPeerConnection({ iceServers: [] });
    rtc.ondatachannel = ({ channel: theirs }) => {
      theirs.onmessage = () => void pour(theirs);
    };
    await rtc.setRemoteDescription({ type: "offer", sdp });
    await rtc.setLocalDescription();
    return gathered(rtc);
  },
  async accept(sdp: string): Promise<void> {
    const opened = must(channel);
    const open = new Promise((resolve) => opened.addEventListener("open", resolve));
    await must(rtc).setRemoteDescription({ type: "answer", sdp });
    await open;
  },
  rawFetch(size: number): Promise<number> {
    const from = must(channel);
    const began = performance.now();
    // Put together as the mesh does: the caller wants one body, not messages.
    const body = new Uint8Array(size);
    let got = 0;
    return new Promise((resolve, reject) => {
      from.onclose = () => reject(new Error("the raw channel closed"));
      from.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
        body.set(new Uint8Array(data), got);
        got += data.byteLength;
        if (got === size) resolve(performance.now() - began);
      };
      from.send("get");
    });
  },
  hangUp(): void {
    rtc?.close();
  },
};

declare global {
  interface Window {
    tools: typeof tools;
  }
}
window.tools = tools;
addEventListener("pagehide", () => void mesh?.close());
