import type { Duty } from "../duties.ts";
import { Notice } from "./parts.tsx";

/** What must be done about money, the most urgent first; nothing where there is nothing to do. */
export function Duties({ duties }: { duties: readonly Duty[] }) {
  const [first, ...rest] = duties;
  if (first === undefined) return null;
  return (
    <Notice tone="warn" title={first.what}>
      {first.next}
      {rest.length > 0 && (
        <ul className="mt-2 space-y-1 text-sm">
          {rest.map(({ what, next }) => (
            <li key={what}>
              {what}. {next}
            </li>
          ))}
        </ul>
      )}
    </Notice>
  );
}
