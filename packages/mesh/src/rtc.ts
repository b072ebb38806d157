import type { Connection, Stream } from "@libp2p/interface";
import type { Clock } from "@tabcast/runtime";

/** Milliseconds a connection may stay without consent checks, after ICE has noticed (about 5 s), before it is given up. */
const PATIENCE = 5_000;

/** The browser's own connection under libp2p's. Not in libp2p's interface: looked up with care, versions are pinned. */
export function peerConnection(connection: Connection): RTCPeerConnection | undefined {
  const { maConn } = connection as { maConn?: { peerConnection?: unknown } };
  const found = maConn?.peerConnection;
  return typeof RTCPeerConnection !== "undefined" && found instanceof RTCPeerConnection
    ? found
    : undefined;
}

/** True while the other side gives no sign of life, though the connection is open. */
export function isSilent(connection: Connection): boolean {
  return peerConnection(connection)?.connectionState === "disconnected";
}

/**
 * Ends a WebRTC connection when its peer is gone: at once after a goodbye, which libp2p does not see and which leaves the
 * connection "open" for 15 s (measured 2026-11-21), and PATIENCE after ICE noticed a silence. At the silence `silent` is
 * called, for requests that cannot wait.
 */
export function watchPeer(
  connection: Connection,
  {
    clock,
    signal,
    silent,
  }: { readonly clock: Clock; readonly signal: AbortSignal; silent(cause: Error): void },
): void {
  const rtc = peerConnection(connection);
  if (rtc === undefined) return;
  const over = new AbortController();
  let quiet = new AbortController();
  const onState = () => {
    quiet.abort();
    if (rtc.connectionState !== "disconnected") return;
    silent(new Error("the peer gives no sign of life"));
    quiet = new AbortController();
    const wait = AbortSignal.any([signal, quiet.signal, over.signal]);
    clock.sleep(PATIENCE, { signal: wait }).then(
      () => connection.abort(new Error(`no sign of life for ${PATIENCE} ms`)),
      () => {},
    );
  };
  const { sctp } = rtc;
  const onSctp = () => {
    if (sctp?.state === "closed") connection.abort(new Error("the peer said goodbye"));
  };
  const end = () => {
    over.abort();
    rtc.removeEventListener("connectionstatechange", onState);
    sctp?.removeEventListener("statechange", onSctp);
  };
  rtc.addEventListener("connectionstatechange", onState);
  sctp?.addEventListener("statechange", onSctp);
  connection.addEventListener("close", end, { once: true });
  onSctp();
}

/** Resets those of a connection's streams that are in `ours`. */
export function resetStreams(connection: Connection, ours: WeakSet<Stream>, error: Error): void {
  for (const stream of [...connection.streams]) if (ours.has(stream)) stream.abort(error);
}
