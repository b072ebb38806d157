import { describe } from "@tabcast/runtime";
import { useState } from "react";
import * as format from "../format.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { useMoney } from "../unit.ts";
import { type Draft, draftOf, readDraft } from "./draft.ts";
import { SettingsFields } from "./settings.tsx";

/** The settings of a worker under way. They change when they are saved, never while they are being typed. */
export function ChangeSettings() {
  const { settings: kept } = useStore(tab.kept);
  const money = useMoney();
  const [typed, setTyped] = useState<Draft>();
  const [said, setSaid] = useState("");
  const draft = typed ?? draftOf(kept, money);
  const { settings, errors } = readDraft(draft, kept, money);
  const save = () => {
    if (settings === undefined) return;
    setTyped(undefined);
    tab.setWorker(settings).then(
      () => setSaid("Saved."),
      (thrown: unknown) =>
        setSaid(`In use, but not kept for the next time: ${format.sentence(describe(thrown))}`),
    );
  };
  return (
    <Disclosure title="More settings" note="price, hours, for whom">
      <SettingsFields
        draft={draft}
        errors={errors}
        onChange={(next) => {
          setTyped(next);
          setSaid("");
        }}
      />
      <div className="mt-5 flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button disabled={typed === undefined || settings === undefined} onClick={save}>
          Save settings
        </Button>
        <p role="status" className="text-sm text-muted">
          {settings === undefined
            ? "Something above needs another look."
            : `${said} Price, tags and crews count from the next start, the rest at once.`.trim()}
        </p>
      </div>
    </Disclosure>
  );
}
