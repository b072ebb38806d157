import { describe, expect, test } from "vitest";
import { logsOf } from "./logs.ts";
import type { Rpc } from "./rpc.ts";

const signal = new AbortController().signal;
const filter = { address: `0x${"11".repeat(20)}`, topics: [] } as const;

/** A server that gives out the events of at most `limits.blocks` blocks at once, and the sizes it was asked for and refused. */
function server(limits: { blocks: number }) {
  const asked: number[] = [];
  const refused: number[] = [];
  const request = async ({ params }: { params: [{ fromBlock: string; toBlock: string }] }) => {
    const [{ fromBlock, toBlock }] = params;
    const size = Number(toBlock) - Number(fromBlock) + 1;
    asked.push(size);
    if (size <= limits.blocks) return [];
    refused.push(size);
    throw new Error("block range is too wide");
  };
  const rpc = {
    url: "http://test",
    ask: async (_: AbortSignal, work: (client: unknown) => unknown) => work({ request }),
  } as unknown as Rpc;
  return {
    asked,
    refused,
    read: (from: number, blocks: number) =>
      logsOf(rpc, filter, { from: BigInt(from), to: BigInt(from + blocks - 1), signal }),
  };
}

describe("the blocks that one question spans", () => {
  test("grow again, twice as many at a time, once a server has answered twenty questions in a row", async () => {
    const limits = { blocks: 10 };
    const { asked, read } = server(limits);
    await read(0, 80);
    expect(asked).toEqual([80, 40, 20, ...Array(8).fill(10)]);
    limits.blocks = 1_000;
    asked.length = 0;
    await read(80, 1_000);
    expect(asked.slice(0, 12)).toEqual(Array(12).fill(10));
    expect(asked.slice(12, 32)).toEqual(Array(20).fill(20));
    expect(asked.at(32)).toBe(40);
  });

  test("grow no further than 10,000", async () => {
    const limits = { blocks: 3_000 };
    const { asked, read } = server(limits);
    await read(0, 6_000);
    limits.blocks = 1_000_000;
    asked.length = 0;
    for (let i = 0; i < 10; i++) await read(i * 100_000, 100_000);
    expect(Math.max(...asked)).toBe(10_000);
  });

  test("are tried greater more and more seldom with a server that goes on refusing", async () => {
    const { asked, refused, read } = server({ blocks: 10 });
    for (let i = 0; i < 20; i++) await read(i * 5_000, 5_000);
    // Those that found the limit the first time, and then after 20, 40, 80 ... 1,280 answers.
    expect(refused.slice(9)).toEqual(Array(refused.length - 9).fill(refused[9]));
    expect(refused.length).toBeLessThan(25);
    expect(asked.length).toBeGreaterThan(10_000);
  });
});
