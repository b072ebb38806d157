import { expect, test } from "vitest";

// What our patch of the library is for: no export of its leads there.
const { readCandidatesUntilConnected } = (await import(
  new URL("./private-to-private/util.js", import.meta.resolve("@libp2p/webrtc")).href
)) as {
  readCandidatesUntilConnected(connection: object, stream: object, options: object): Promise<void>;
};

const log = Object.assign(() => {}, { error() {}, trace() {} });
const { signal } = new AbortController();

/** A handshake whose other side says nothing more, over a connection in this state. */
function handshake(state: string) {
  const connection = { connectionState: state, onconnectionstatechange: () => {} };
  const silent = { read: () => new Promise(() => {}) };
  const over = readCandidatesUntilConnected(connection, silent, { signal, log, direction: "" });
  return { connection, over };
}

test.each(["failed", "closed"])(
  "a WebRTC handshake that is %s ends at once, not when its time is over",
  async (state) => {
    await expect(handshake(state).over).rejects.toMatchObject({ name: "ConnectionFailedError" });
    const { connection, over } = handshake("connecting");
    connection.connectionState = state;
    connection.onconnectionstatechange();
    await expect(over).rejects.toMatchObject({ name: "ConnectionFailedError" });
  },
);

test("a WebRTC handshake is over once it is connected", async () => {
  const { connection, over } = handshake("connecting");
  connection.connectionState = "connected";
  connection.onconnectionstatechange();
  await expect(over).resolves.toBeUndefined();
});
