import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** An object is the error that the server answers with. */
type Rule =
  | "pass"
  | "drop"
  | "lose the answer"
  | { readonly code: number; readonly message: string };

export interface BadLine {
  readonly rpc: string;
  /** What clients have asked for so far, by method. */
  readonly asked: ReadonlyMap<string, number>;
  /** What to do with the next requests; by default all pass. */
  rule: (method: string) => Rule | Promise<Rule>;
  close(): void;
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of message) text += part;
  return text;
}

/** A JSON-RPC server in front of another, which drops requests, or their answers, as a bad line does. */
export async function proxy(target: string): Promise<BadLine> {
  const asked = new Map<string, number>();
  const server = createServer(async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    const { method, id } = JSON.parse(body) as { method: string; id: unknown };
    asked.set(method, (asked.get(method) ?? 0) + 1);
    const rule = await own.rule(method);
    if (rule === "drop") return void incoming.socket.destroy();
    if (typeof rule === "object")
      return void outgoing
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ jsonrpc: "2.0", id, error: rule }));
    const answer = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const text = await answer.text();
    if (rule === "lose the answer") return void incoming.socket.destroy();
    outgoing.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const own: BadLine = {
    rpc: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    rule: () => "pass",
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return own;
}
