/** Tells what a node's streams carry, protocol by protocol: for measurements. */
import type { Metrics, Stream } from "@libp2p/interface";
import type { Name } from "./mesh.ts";

/** Told of bytes that a stream of this protocol sent or got, before noise, the muxer and the network add theirs. */
export type Meter = (protocol: Name, way: "out" | "in", bytes: number) => void;

interface Stuffed extends Stream {
  onData(data: { readonly byteLength: number }): void;
}

const nothing = () => {};
const none = () => ({
  update: nothing,
  increment: nothing,
  decrement: nothing,
  reset: nothing,
  observe: nothing,
  timer: () => nothing,
});

/** libp2p's metrics, of which only bytes of streams are counted. */
export const metered = (meter: Meter) => (): Metrics => ({
  trackMultiaddrConnection: nothing,
  trackProtocolStream(stream) {
    const { protocol } = stream;
    const stuffed = stream as Stuffed;
    const [send, onData] = [stuffed.send.bind(stuffed), stuffed.onData.bind(stuffed)];
    stuffed.send = (data) => {
      meter(protocol, "out", data.byteLength);
      return send(data);
    };
    // A listener would keep what comes from being held until somebody reads it.
    stuffed.onData = (data) => {
      meter(protocol, "in", data.byteLength);
      onData(data);
    };
  },
  registerMetric: none as unknown as Metrics["registerMetric"],
  registerMetricGroup: none as unknown as Metrics["registerMetricGroup"],
  registerCounter: none as unknown as Metrics["registerCounter"],
  registerCounterGroup: none as unknown as Metrics["registerCounterGroup"],
  registerHistogram: none as unknown as Metrics["registerHistogram"],
  registerHistogramGroup: none as unknown as Metrics["registerHistogramGroup"],
  registerSummary: none as unknown as Metrics["registerSummary"],
  registerSummaryGroup: none as unknown as Metrics["registerSummaryGroup"],
  traceFunction: ((_: string, fn: unknown) => fn) as Metrics["traceFunction"],
  createTrace: nothing,
});
