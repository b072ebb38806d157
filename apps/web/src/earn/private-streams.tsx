import { describe } from "@tabcast/runtime";
import { useEffect, useState } from "react";
import * as format from "../format.ts";
import { useFragment } from "../fragment.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { Notice } from "../ui/parts.tsx";
import { TextField } from "../ui/text-fields.tsx";

/** The private streams that this tab works for, and where another crew link is pasted. `stream`: of the link that the page was opened by. */
export function PrivateStreams({ stream }: { stream: string | undefined }) {
  const joined = useStore(tab.crewLinks);
  const left = useStore(tab.leftCrews);
  const [text, setText] = useState("");
  const [trouble, setTrouble] = useState<string>();
  const key = useFragment();
  useEffect(() => {
    if (stream === undefined) return;
    let current = true;
    tab.joinPrivate(`/earn/${stream}#${key}`, { byAddress: true }).then(
      () => current && setTrouble(undefined),
      (thrown: unknown) => current && setTrouble(describe(thrown)),
    );
    return () => {
      current = false;
    };
  }, [stream, key]);
  const join = (link: string) =>
    tab.joinPrivate(link).then(
      () => {
        setText("");
        setTrouble(undefined);
      },
      (thrown: unknown) => setTrouble(describe(thrown)),
    );
  return (
    <div className="mb-5 space-y-3">
      {[...joined.keys()].map((id) => (
        <Notice key={id} title="Working for a private stream">
          This tab answers the offers of the private stream {format.shortId(id)} too, once it works.
          Its link is kept while this tab is open, and nowhere else.
          <div className="mt-3">
            <Button look="plain" onClick={() => tab.leavePrivate(id)}>
              Leave its crew
            </Button>
          </div>
        </Notice>
      ))}
      {stream !== undefined && left.has(stream.toLowerCase()) && (
        <Notice title="You left this stream's crew">
          This tab takes no more work of the private stream {format.shortId(stream)}.
          <div className="mt-3">
            <Button look="plain" onClick={() => void join(`/earn/${stream}#${key}`)}>
              Join again
            </Button>
          </div>
        </Notice>
      )}
      {trouble !== undefined && stream !== undefined && text === "" && (
        <Notice tone="bad" title="This crew link does not work">
          {trouble}
        </Notice>
      )}
      <Disclosure title="Work for a private stream" note="with its crew link">
        <div className="space-y-3">
          <TextField
            label="Crew link"
            help="From its broadcaster. Whoever has it can watch the stream as well."
            value={text}
            error={text === "" ? undefined : trouble}
            onChange={(next) => {
              setText(next);
              setTrouble(undefined);
            }}
          />
          <Button disabled={text.trim() === ""} onClick={() => void join(text)}>
            Join its crew
          </Button>
        </div>
      </Disclosure>
    </div>
  );
}
