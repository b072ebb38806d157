import type { Job } from "@tabcast/market";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, peerIdOf } from "@tabcast/protocol";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { JobContext } from "./context.ts";
import type { Segment } from "./delivery.ts";
import { type Flight, type InFlight, openFlight } from "./in-flight.ts";
import type { Told, Whose } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import { openSending } from "./sending.ts";
import type { Uplink } from "./uplink.ts";

test("a second, other receipt for a segment is a proof and a failure, and is never taken for an answer", async () => {
  const worker = peerIdOf((await Keys.generate()).publicKey);
  const self = peerIdOf((await Keys.generate()).publicKey);
  const { signal } = new AbortController();
  const member = { worker, epoch: 1, award: new Uint8Array(16), payee: new Uint8Array(20) };
  const heard: string[] = [];
  let hash = 0;
  const sending = openSending(
    {
      mesh: memory(memoryNetwork(), { self }),
      hiring: { member: () => member, addrs: () => [] },
      records: { of() {}, tell: (_: Whose, { type }: Told) => void heard.push(type) },
      checks: { ppm: () => 1 },
      pace: { jobMs: 1_000, whole: true },
      clock: systemClock,
      on() {},
      signal,
    } as unknown as JobContext,
    {
      uplink: {
        async send() {
          const receipt = { award: member.award, epoch: 1, seq: 7, encodeMs: 1 };
          hash++;
          return { delivery: { receipt, sealed: Uint8Array.of(hash), hash: Uint8Array.of(hash) } };
        },
      } as unknown as Uplink,
      scheduler: {} as Scheduler,
      inFlight: {
        tell: (_: number, { type }: Job.Event) => void heard.push(type),
        fails: (_: Flight, _worker: string, fault: Job.Fault) => void heard.push(fault),
      } as unknown as InFlight,
      asked: () => [],
      copied() {},
    },
  );
  const segment = { seq: 7, planned: { duration: 2_000_000 } } as unknown as Segment;
  const job = { seq: 7 } as Job.Job;
  const send = async () => {
    const flight = openFlight(segment, job, { closesAt: 0, note() {} });
    await sending.send(flight, { do: "send", worker, epoch: 1, attempt: 1 });
    return flight.answers.size;
  };
  expect(await send()).toBe(1);
  expect(heard.splice(0)).toEqual(["receipt"]);
  expect(await send()).toBe(0);
  expect(heard).toEqual(["proof", "invalid"]);
});
