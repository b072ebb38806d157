import { expect, test } from "vitest";
import { rtcConfiguration } from "./ice.ts";

const stun = { urls: "stun:stun.example.org" };
const turn = { urls: ["turn:turn.example.org"], username: "1:a", credential: "b" };

test("servers are asked for anew before each connection, and any way may be gone", async () => {
  let asked = 0;
  const iceServers = async () => [{ ...turn, username: `${++asked}:a` }];
  expect(await rtcConfiguration({ iceServers })).toEqual({
    iceServers: [{ ...turn, username: "1:a" }],
    iceTransportPolicy: "all",
  });
  const again = await rtcConfiguration({ iceServers });
  expect(again.iceServers?.[0]?.username).toBe("2:a");
  expect(await rtcConfiguration({ iceServers: [] })).toEqual({
    iceServers: [],
    iceTransportPolicy: "all",
  });
});

test("a tab that connects through TURN alone gathers no address of its own, and makes no connection without TURN", async () => {
  const given = { iceServers: [stun, turn], relayOnly: true };
  expect((await rtcConfiguration(given)).iceTransportPolicy).toBe("relay");
  for (const iceServers of [[], [stun], () => [stun]])
    await expect(rtcConfiguration({ iceServers, relayOnly: true })).rejects.toMatchObject({
      code: "MESH_NO_TURN",
    });
});
