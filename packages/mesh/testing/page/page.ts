import { libp2p, type Mesh, type Message } from "@tabcast/mesh";
import { Bytes } from "@tabcast/runtime";

const BYTES = "/tabcast/bench/bytes";
const SINK = "/tabcast/bench/sink";
const none = new Uint8Array(0);
const payload = (size: number) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};
const MESSAGE = 64 * 1024;
const BUDGET = 128 * 1024;

let mesh: Mesh | undefined;
let rtc: RTCPeerConnection | undefined;
let channel: RTCDataChannel | undefined;
let held = none;

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

/** What the bench calls from outside. Times are in milliseconds. */
export const tools = {
  async join(relays: string[]): Promise<{ peer: string; addrs: readonly string[] }> {
    await mesh?.close();
    mesh = await libp2p({
      seed: crypto.getRandomValues(new Uint8Array(32)),
      relays,
      iceServers: [],
      local: true,
      relaySlots: 1,
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
    await mesh.reachable({ signal: AbortSignal.timeout(10_000) });
    return { peer: mesh.self, addrs: mesh.addrs() };
  },
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
    bench: typeof tools;
  }
}
window.bench = tools;
