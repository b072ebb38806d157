import { CodedError } from "@tabcast/runtime";
import type { Who } from "@tabcast/tab";
import { useEffect, useState } from "react";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { words } from "../words.ts";

const said = {
  unsigned:
    "Your wallet shows a request to sign. It costs nothing and sends nothing; this address then has the credit, and the blame, for what this tab does.",
  asking: "Answer the request in your wallet.",
  signed: "Signed: this address has the credit, and the blame, for what this tab does.",
  declined: "Not signed. It works without: this address has neither blame nor credit.",
} as const;

/** Lets a browser's wallet sign once that the payee answers for this tab. Nothing waits for it. */
export function SignPayee({ payee, wallet }: Required<Who>) {
  const [now, setNow] = useState<keyof typeof said>("unsigned");
  const [failed, setFailed] = useState<string>();
  useEffect(() => {
    let current = true;
    tab.payeeProof({ payee, wallet }).then(
      (proof) => current && proof !== undefined && setNow("signed"),
      () => undefined, // as if there were none
    );
    return () => {
      current = false;
    };
  }, [payee, wallet]);
  const sign = () => {
    setNow("asking");
    setFailed(undefined);
    tab.signPayee({ payee, wallet }).then(
      () => setNow("signed"),
      (thrown: unknown) => {
        const no = thrown instanceof CodedError && thrown.code === "PAYEE_PROOF_DECLINED";
        setNow(no ? "declined" : "unsigned");
        if (!no) setFailed(words(thrown, "signature").advice);
      },
    );
  };
  return (
    <div className="space-y-2">
      {now !== "signed" && (
        <Button disabled={now === "asking"} onClick={sign}>
          Sign that this address is yours
        </Button>
      )}
      <p role="status" className="text-sm text-muted">
        {failed ?? said[now]}
      </p>
    </div>
  );
}
