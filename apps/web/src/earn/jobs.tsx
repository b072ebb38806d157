import * as Money from "@tabcast/tab/money";
import type { JobLine } from "../earning.ts";
import * as format from "../format.ts";
import { Empty, Scroller } from "../ui/parts.tsx";
import { useUnit } from "../unit.ts";

/** The newest segments that this tab worked on. */
export function Jobs({ jobs }: { jobs: readonly JobLine[] }) {
  const unit = useUnit();
  if (jobs.length === 0)
    return (
      <div className="mt-4">
        <Empty title="No job yet">Jobs appear here as soon as a stream hires this tab.</Empty>
      </div>
    );
  return (
    <Scroller label="Recent jobs" className="mt-4 max-h-96">
      <table className="w-full text-left text-sm">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-3 font-medium">Segment</th>
            <th className="py-2 pr-3 font-medium">State</th>
            <th className="py-2 pr-3 text-right font-medium">Time</th>
            <th className="py-2 text-right font-medium">Paid</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={`${job.stream}/${job.seq}`} className="border-t border-line">
              <td className="py-2 pr-3">{job.seq}</td>
              <td className="py-2 pr-3">
                {job.state === "started"
                  ? "Working"
                  : job.state === "done"
                    ? "Delivered"
                    : `Failed${job.why === undefined ? "" : `: ${format.shortIds(job.why)}`}`}
              </td>
              <td className="py-2 pr-3 text-right">
                {job.state === "started" ? "–" : format.millis(job.ms)}
              </td>
              <td className="py-2 text-right">
                {job.paid === undefined ? "–" : Money.text(Money.of(job.paid, unit))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}
