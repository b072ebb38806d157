/** What libp2p's WebSocket connection is made of. Not in its interface: looked up with care, versions are pinned. */
interface Inside {
  readonly websocket?: { close(): void; terminate?(): void };
  sendReset?(): void;
}

/**
 * Has a connection that is aborted close its WebSocket. libp2p closes it with code 1006, which no WebSocket takes
 * (`InvalidAccessError`), so that it stays open until the page or the process ends.
 */
export function mendReset(connection: object): void {
  const { maConn } = connection as { maConn?: Inside };
  const socket = maConn?.websocket;
  if (maConn === undefined || socket === undefined) return;
  maConn.sendReset = () => (socket.terminate ?? socket.close).call(socket);
}
