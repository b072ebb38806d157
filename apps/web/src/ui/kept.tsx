import { useEffect, useState } from "react";

/** A line where the browser has said that it will not keep this page's books; nothing while it has not answered, or will. */
export function NotKept({ advice }: { advice: string }) {
  const [kept, setKept] = useState<boolean>();
  useEffect(() => {
    let current = true;
    void import("@tabcast/channel")
      .then(({ persistentStorage }) => persistentStorage())
      .then((answer) => current && setKept(answer))
      .catch(() => undefined); // without the books there is nothing to keep
    return () => {
      current = false;
    };
  }, []);
  return kept === false ? (
    <p role="status" className="mt-3 text-[0.8125rem] text-muted">
      This browser may clear these books when its disk is full. {advice}
    </p>
  ) : null;
}
