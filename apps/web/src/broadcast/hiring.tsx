import type { HiringSettings } from "@tabcast/tab";
import {
  hiringDefaults,
  makeCrewToken,
  parseHiringSettings,
  parseWords,
  SettingsError,
} from "@tabcast/tab/settings";
import { useEffect, useState } from "react";
import { inField } from "../earn/draft.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { ListField, TextField } from "../ui/text-fields.tsx";

/** As typed. */
interface Draft {
  readonly tags: string;
  readonly allow: string;
  readonly deny: string;
  readonly crew: string;
}

const draftOf = ({ tags, allow, deny, crew = "" }: HiringSettings): Draft => ({
  tags: tags.join(", "),
  allow: allow.join("\n"),
  deny: deny.join("\n"),
  crew,
});

/** The settings as typed, or what is wrong with the first field that is wrong. */
function read(draft: Draft): HiringSettings | { readonly field: string; readonly error: string } {
  const crew = draft.crew.trim();
  try {
    return parseHiringSettings({
      tags: parseWords(draft.tags),
      allow: parseWords(draft.allow),
      deny: parseWords(draft.deny),
      ...(crew !== "" && { crew }),
    });
  } catch (thrown) {
    if (!(thrown instanceof SettingsError)) throw thrown;
    return { field: thrown.reason.field, error: inField(thrown) };
  }
}

/** Whom to hire, for who does not want anybody. Tells the settings, undefined while something typed is wrong. */
export function Hiring({ onChange }: { onChange: (next: HiringSettings | undefined) => void }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(hiringDefaults));
  const result = read(draft);
  const change = (some: Partial<Draft>) => {
    const next = { ...draft, ...some };
    setDraft(next);
    const now = read(next);
    onChange("error" in now ? undefined : now);
  };
  useEffect(() => {
    let current = true;
    // Settings that cannot be read are those of nobody: anybody may be hired, and going live stores new ones.
    tab.hiringSettings().then(
      (stored) => {
        if (!current) return;
        setDraft(draftOf(stored));
        onChange(stored);
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [onChange]);
  const text = (field: keyof Draft) => ({
    value: draft[field],
    error: "error" in result && result.field === field ? result.error : undefined,
    onChange: (value: string) => change({ [field]: value }),
  });
  return (
    <Disclosure title="Whom to hire" note={"error" in result ? "needs a look" : noteOf(result)}>
      <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">
        <ListField
          label="Hire only"
          help="Workers' peer ids, or the addresses they are paid at. Empty: anybody."
          {...text("allow")}
        />
        <ListField
          label="Never hire"
          help="Names of the same kind. One on both lists is never hired."
          {...text("deny")}
        />
        <TextField
          label="Tags a worker must have"
          help="Such as eu or gpu; at most 8."
          {...text("tags")}
        />
        <div className="space-y-2">
          <TextField
            label="Private crew"
            help="A token: only workers that were given it are hired. Empty: anybody."
            {...text("crew")}
          />
          <Button onClick={() => change({ crew: makeCrewToken() })}>Make a token</Button>
        </div>
      </div>
    </Disclosure>
  );
}

/** The settings in a few words. */
function noteOf({ tags, allow, deny, crew }: HiringSettings): string {
  if (crew !== undefined) return "a private crew";
  return tags.length + allow.length + deny.length > 0 ? "not everybody" : "anybody";
}
