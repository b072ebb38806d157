import type { LiveStream } from "@tabcast/node/types";
import * as format from "../format.ts";
import type { PlayerState } from "../player.ts";
import { Panel, Scroller, Stat, Stats } from "../ui/parts.tsx";
import * as Watching from "../watching.ts";

type Rung = LiveStream["source"];
/** What people call a track: the source is one of the rungs to whoever watches. */
type NameOf = (track: string) => string;

/** What comes, from whom, and how far behind live it is. */
export function Numbers({
  watching,
  shown,
  current,
  nameOf,
}: {
  watching: Watching.Watching;
  shown: PlayerState;
  current: Rung | undefined;
  nameOf: NameOf;
}) {
  return (
    <Panel>
      <Stats>
        <Stat label="Seconds behind live">
          {shown.behind === undefined || shown.phase === "ended"
            ? "–"
            : format.seconds(shown.behind)}
        </Stat>
        <Stat label="Current rung">
          {current === undefined ? (shown.current ?? "–") : format.rung(current)}
        </Stat>
        <Stat label="Delivered by">
          {watching.from === undefined ? "–" : format.shortId(watching.from)}
        </Stat>
        <Stat
          label="Bytes checked"
          note={
            watching.refused > 0
              ? `${format.counted(watching.refused, "answer")} refused, asked elsewhere`
              : undefined
          }
        >
          {format.bytes(watching.checked)}
        </Stat>
      </Stats>
      {watching.contradicted > 0 && (
        <p role="status" className="mt-3 text-sm">
          The broadcaster signed two versions of {format.counted(watching.contradicted, "segment")}.
          You see the first.
        </p>
      )}
      <Strip watching={watching} shown={shown} nameOf={nameOf} />
    </Panel>
  );
}

/** Who delivered how much. */
export function Deliveries({
  sources,
  nameOf,
}: {
  sources: Watching.Watching["sources"];
  nameOf: NameOf;
}) {
  const rows = [...sources].sort(([, a], [, b]) => b.bytes - a.bytes);
  return (
    <Scroller label="Deliveries" className="max-h-64">
      <table className="w-full text-left text-sm">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-3 font-medium">Peer</th>
            <th className="py-2 pr-3 font-medium">What</th>
            <th className="py-2 text-right font-medium">Checked</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([peer, { tracks, bytes }]) => (
            <tr key={peer} className="border-t border-line">
              <td className="py-2 pr-3 font-mono">{format.shortId(peer)}</td>
              <td className="py-2 pr-3">{tracks.map(nameOf).join(", ")}</td>
              <td className="py-2 text-right whitespace-nowrap">{format.bytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** The last segments: how tall says which rung, a hatched place says that nobody has it. */
function Strip({
  watching,
  shown,
  nameOf,
}: {
  watching: Watching.Watching;
  shown: PlayerState;
  nameOf: NameOf;
}) {
  const cells = Watching.strip(watching, shown, shown.rungs, Watching.SHOWN);
  const count = (kind: Watching.Cell["kind"]) => cells.filter((one) => one.kind === kind).length;
  const height = (rung: string) => {
    const at = shown.rungs.indexOf(rung);
    return shown.rungs.length < 2 ? 100 : 35 + (65 * at) / (shown.rungs.length - 1);
  };
  return (
    <div className="mt-5">
      <div className="flex h-9 items-end gap-0.5" aria-hidden="true">
        {cells.map((one) => (
          <div
            key={one.seq}
            title={`Segment ${one.seq}: ${one.kind === "played" ? nameOf(one.rung ?? "") : one.kind === "gap" ? "missing" : one.kind}`}
            className={`max-w-8 min-w-0 flex-1 rounded-xs ${
              one.kind === "played"
                ? one.seq === shown.seq
                  ? "bg-accent"
                  : "bg-accent/55"
                : one.kind === "gap"
                  ? "hatched h-full border border-bad"
                  : one.kind === "skipped"
                    ? "h-1 bg-edge"
                    : "h-1 bg-line"
            }`}
            style={one.kind === "played" ? { height: `${height(one.rung ?? "")}%` } : undefined}
          />
        ))}
      </div>
      <p className="mt-2 text-[0.8125rem] text-muted">
        <output aria-label="Recent segments" aria-live="off">
          {cells.length === 0
            ? "No segment yet."
            : `Last ${format.counted(cells.length, "segment")}: ${count("played")} shown, ${count("ahead")} ready or on the way, ${count("gap")} missing${count("skipped") > 0 ? `, ${count("skipped")} passed over` : ""}.`}
        </output>{" "}
        Taller means a higher rung.
      </p>
    </div>
  );
}
