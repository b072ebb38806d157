import type { Neighbour } from "@tabcast/mesh";
import type { NetworkConfig } from "@tabcast/node/config";
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { sentence } from "../earning.ts";
import * as format from "../format.ts";
import { Address } from "../network/address.tsx";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { InTheNetworksMoney } from "../ui/paid-in.tsx";
import {
  Badge,
  Empty,
  Heading,
  Money,
  Notice,
  Panel,
  Scroller,
  Spinner,
  Stat,
  Stats,
} from "../ui/parts.tsx";
import { Plot, type Series } from "../ui/plot.tsx";
import { useMoney } from "../unit.ts";

const queries = new QueryClient();

function Split() {
  return (
    <Notice tone="warn" title="The network looks split">
      The relays of this network do not reach each other, so tabs on one side do not find those on
      the other. Whoever runs the relays can join them.
    </Notice>
  );
}

function Mute({ relays }: { readonly relays: readonly string[] }) {
  return (
    <Notice tone="warn" title="A relay passes nothing on">
      {relays.map(format.shortId).join(" and ")} can be reached, but does not pass on what it
      should. This tab looks for another relay.
    </Notice>
  );
}

/** Peers, the relay's slot, jobs, money and chain: what this tab is part of. */
export default function NetworkPage() {
  return (
    <QueryClientProvider client={queries}>
      <InTheNetworksMoney>
        <Network />
      </InTheNetworksMoney>
    </QueryClientProvider>
  );
}

const vias: Record<Neighbour["via"], string> = {
  webrtc: "WebRTC, direct",
  websocket: "WebSocket, a relay",
  relayed: "through a relay",
  memory: "in this process",
  other: "another way",
};

function Network() {
  const { phase, config, trouble } = useStore(tab.state);
  const looking = useRef(new AbortController());
  // What is only looked at here ends with the page; what the tab does elsewhere goes on.
  useEffect(() => {
    looking.current = new AbortController();
    return () => looking.current.abort();
  }, []);
  if (phase === "failed")
    return (
      <>
        <Heading title="Network" />
        <Notice tone="bad" title="The network cannot be reached">
          {format.sentence(trouble)} This tab tries again every few seconds. If you run this page
          yourself, check that it serves /tabcast.json.
        </Notice>
        {config !== undefined && (
          <div className="mt-5">
            <Address config={config} />
          </div>
        )}
      </>
    );
  if (config === undefined || phase === "joining")
    return (
      <>
        <Heading title="Network" />
        <p role="status" className="flex items-center gap-3 py-10 text-muted">
          <Spinner />{" "}
          {config === undefined ? "Asking which network this is" : "Joining the network"}
        </p>
      </>
    );
  if (phase === "joined") return <Connected config={config} />;
  const connect = () => void tab.visit(looking.current).catch(() => undefined);
  return (
    <>
      <Heading title="Network">What this tab would be part of.</Heading>
      <Empty
        title="This tab is not connected"
        action={
          <Button look="main" onClick={connect}>
            Connect
          </Button>
        }
      >
        Nothing here has needed the network yet, so no relay and no other tab was asked for
        anything.
      </Empty>
      <div className="mt-5">
        <Address config={config} />
      </div>
    </>
  );
}

/** What a tab that is connected is part of. */
function Connected({ config }: { config: NetworkConfig }) {
  const state = useStore(tab.state);
  const earning = useStore(tab.earning);
  const onAir = useStore(tab.onAir);
  const reachable = state.addrs.length > 0;
  const count = (via: Neighbour["via"]) => state.neighbours.filter((one) => one.via === via).length;
  return (
    <>
      <Heading title="Network">What this tab is part of right now.</Heading>
      <div className="space-y-5">
        {state.split === true && <Split />}
        {(state.mute ?? []).length > 0 && <Mute relays={state.mute ?? []} />}
        <Panel>
          <Stats>
            <Stat
              label="This tab"
              note={
                state.visiting === true ? "an id for this visit" : "an id that this browser keeps"
              }
            >
              {format.shortId(state.self ?? "")}
            </Stat>
            <Stat
              label="Relay slot"
              note={reachable ? "others can reach this tab" : "asking the relays again"}
            >
              {reachable ? "held" : "none yet"}
            </Stat>
            <Stat label="Direct peers">{count("webrtc")}</Stat>
            <Stat label="Relays">
              {count("websocket")} of {config.relays.length}
            </Stat>
          </Stats>
        </Panel>
        <div className="grid gap-5 lg:grid-cols-2">
          <Panel
            title="Peers"
            aside={format.counted(state.neighbours.length, "connection")}
            className="min-w-0"
          >
            <Peers neighbours={state.neighbours} />
          </Panel>
          <Panel title="Traffic of this tab" aside="Last two minutes" className="min-w-0">
            <Traffic />
          </Panel>
          <Panel title="Jobs">
            <Jobs />
          </Panel>
          <Panel title="Money of this tab">
            <div className="grid grid-cols-2 gap-4">
              <Money label="Earned here" value={earning.earned} />
              <Money label="Deposited here" value={onAir.deposited} />
              <Money label="Paid to workers" value={onAir.paid} />
              <Balance payee={earning.payee} />
            </div>
          </Panel>
          <Address config={config} />
          <Panel title="Chain" className="min-w-0">
            <Chain
              id={config.chain.id}
              contract={config.chain.contract}
              rpc={config.chain.rpc}
              witness={config.chain.witness}
              local={config.local}
            />
          </Panel>
        </div>
      </div>
    </>
  );
}

function Jobs() {
  const earning = useStore(tab.earning);
  const onAir = useStore(tab.onAir);
  return (
    <div className="space-y-4 text-[0.9375rem]">
      <p>
        <span className="text-muted">Earn: </span>
        {sentence(earning)}{" "}
        <Link href="/earn" className="rounded text-accent underline underline-offset-2">
          Open
        </Link>
      </p>
      <p>
        <span className="text-muted">Broadcast: </span>
        {onAir.phase === "idle"
          ? "This tab is not on air."
          : `${onAir.title}: ${onAir.delivered} of ${format.counted(onAir.captured, "segment")} delivered.`}{" "}
        <Link href="/broadcast" className="rounded text-accent underline underline-offset-2">
          Open
        </Link>
      </p>
    </div>
  );
}

function Balance({ payee }: { payee: string | undefined }) {
  const { data, isError } = useQuery({
    queryKey: ["balance", payee],
    queryFn: () => tab.balance(payee as `0x${string}`),
    enabled: payee !== undefined,
    refetchInterval: 10_000,
  });
  const { coin } = useMoney();
  if (payee === undefined) return null;
  if (isError)
    return <p className="text-sm text-muted">The chain does not tell the payee's balance.</p>;
  return data === undefined ? null : (
    <Money label="Payee's coins for gas" value={data} unit={coin} />
  );
}

function Chain({
  id,
  contract,
  rpc,
  witness,
  local,
}: {
  id: number;
  contract: string;
  rpc: string;
  witness: string | undefined;
  local: boolean;
}) {
  const { data, isError, isPending } = useQuery({
    queryKey: ["block"],
    queryFn: () => tab.block(),
    refetchInterval: 5_000,
    retry: 1,
  });
  return (
    <dl className="grid gap-x-8 gap-y-3 text-[0.9375rem] sm:grid-cols-2">
      <div>
        <dt className="text-[0.8125rem] text-muted">Chain</dt>
        <dd>
          {id} {local && <Badge>local, play money</Badge>}
        </dd>
      </div>
      <div>
        <dt className="text-[0.8125rem] text-muted">Newest block</dt>
        <dd>
          <output aria-label="Newest block" aria-live="off">
            {isError ? "The chain does not answer" : isPending ? "…" : data.toLocaleString("en")}
          </output>
        </dd>
      </div>
      <div className="min-w-0">
        <dt className="text-[0.8125rem] text-muted">Pot contract</dt>
        <dd className="font-mono text-sm break-all">{contract}</dd>
      </div>
      <div className="min-w-0">
        <dt className="text-[0.8125rem] text-muted">RPC server</dt>
        <dd className="font-mono text-sm break-all">{rpc}</dd>
      </div>
      <div className="min-w-0">
        <dt className="text-[0.8125rem] text-muted">Second server</dt>
        <dd className="text-sm break-all">
          {witness === undefined ? (
            "None: what the first one says of the chain is believed."
          ) : (
            <>
              <span className="font-mono">{witness}</span> must say the same, or nothing is done.
            </>
          )}
        </dd>
      </div>
    </dl>
  );
}

function Peers({ neighbours }: { neighbours: readonly Neighbour[] }) {
  if (neighbours.length === 0)
    return <Empty title="No connection yet">The first one comes from a relay.</Empty>;
  const rows = [...neighbours].sort((a, b) => a.via.localeCompare(b.via));
  return (
    <Scroller label="Peer table" className="max-h-72">
      <table className="w-full text-left text-sm">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-3 font-medium">Peer</th>
            <th className="py-2 pr-3 font-medium">Via</th>
            <th className="py-2 font-medium">Began by</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one, at) => (
            // A peer may hold two connections of one kind.
            // biome-ignore lint/suspicious/noArrayIndexKey: the index only tells such twins apart
            <tr key={`${one.peer}/${one.via}/${at}`} className="border-t border-line">
              <td className="py-2 pr-3 font-mono">{format.shortId(one.peer)}</td>
              <td className="py-2 pr-3">{vias[one.via]}</td>
              <td className="py-2">{one.direction === "outbound" ? "us" : "them"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

const series: readonly Series[] = [{ label: "received" }, { label: "sent", dashed: true }];
const perSecond = (value: number) => `${format.bytes(Math.round(value))}/s`;

function Traffic() {
  const [samples, setSamples] = useState(() => tab.traffic());
  useEffect(() => {
    const timer = setInterval(() => setSamples(tab.traffic()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const times = useMemo(() => samples.map((one) => one.at), [samples]);
  const values = useMemo(
    () => [samples.map((one) => one.received), samples.map((one) => one.sent)],
    [samples],
  );
  const total = (key: "received" | "sent") => samples.reduce((sum, one) => sum + one[key], 0);
  const most = Math.max(0, ...samples.map((one) => Math.max(one.received, one.sent)));
  return (
    <>
      <Plot times={times} values={values} series={series} unit={perSecond} />
      <p className="mt-2 text-sm text-muted">
        <output aria-label="Traffic summary" aria-live="off">
          {samples.length === 0
            ? "Nothing measured yet."
            : `${format.bytes(total("received"))} received (solid) and ${format.bytes(total("sent"))} sent (dashed) in ${format.counted(samples.length, "second")}, at most ${perSecond(most)}.`}
        </output>
      </p>
    </>
  );
}
