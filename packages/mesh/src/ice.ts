/** By which ways WebRTC may go: directly, found with STUN, or through TURN alone. */
import { MeshError } from "./error.ts";

/** STUN and TURN servers, or who is asked for them before each connection: TURN's credentials run out. */
export type IceServers =
  | readonly RTCIceServer[]
  | (() => readonly RTCIceServer[] | Promise<readonly RTCIceServer[]>);

export interface IceOptions {
  readonly iceServers: IceServers;
  readonly relayOnly?: boolean;
}

const hasTurn = (servers: readonly RTCIceServer[]) =>
  servers.flatMap(({ urls }) => urls).some((url) => /^turns?:/i.test(url));

/**
 * The configuration of the next connection. With `relayOnly` the browser gathers no address of this device, so none is in what
 * it sends. Throws MESH_NO_TURN where that would leave no way at all.
 */
export async function rtcConfiguration({
  iceServers,
  relayOnly = false,
}: IceOptions): Promise<RTCConfiguration> {
  const servers = typeof iceServers === "function" ? await iceServers() : iceServers;
  if (relayOnly && !hasTurn(servers))
    throw new MeshError(
      { code: "MESH_NO_TURN" },
      "this tab connects through TURN servers alone, and none is known",
    );
  // A copy: libp2p writes into it.
  return { iceServers: [...servers], iceTransportPolicy: relayOnly ? "relay" : "all" };
}
