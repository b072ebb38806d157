import type { ReactNode } from "react";

/** Something most people do not need: closed until it is asked for. `note` says in a few words what is in it. */
export function Disclosure({
  title,
  note,
  children,
}: {
  title: string;
  note?: string | undefined;
  children: ReactNode;
}) {
  return (
    <details className="group rounded-lg border border-line bg-panel">
      <summary className="flex min-h-11 cursor-pointer list-none items-center gap-3 rounded-lg px-4 py-2.5 text-[0.9375rem] font-medium [&::-webkit-details-marker]:hidden">
        <svg
          viewBox="0 0 12 12"
          aria-hidden="true"
          className="size-3 shrink-0 text-muted transition-transform group-open:rotate-90 motion-reduce:transition-none"
        >
          <path d="M4 2l4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.5" />
        </svg>
        <span>{title}</span>
        {note !== undefined && (
          <span className="ml-auto truncate text-[0.8125rem] font-normal text-muted">{note}</span>
        )}
      </summary>
      <div className="border-t border-line p-4">{children}</div>
    </details>
  );
}
