import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import type { Address, Wallet } from "@tabcast/channel";
import type { ChainConfig } from "@tabcast/node/config";
import { lazy, Suspense, useCallback, useEffect, useId, useState } from "react";
import { checkAddress } from "../address.ts";
import { shortAddress } from "../format.ts";
import { tab } from "../tab.ts";
import { type Words, words } from "../words.ts";
import { Button } from "./button.tsx";
import { Field, inputClass, Notice, Spinner } from "./parts.tsx";

const BrowserWallet = lazy(() => import("../wallet.tsx"));

/** Who pays or is paid. Without a wallet, money can only be received. */
export interface Chosen {
  readonly address: Address;
  readonly wallet?: Wallet;
}

type Kind = "play" | "wallet" | "paste";

/** Play money on a local chain, a browser wallet, or (`paste`) any address. */
export function PayChoice({
  legend,
  chain,
  paste = false,
  disabled = false,
  onChange,
}: {
  legend: string;
  chain: ChainConfig;
  paste?: boolean;
  disabled?: boolean;
  onChange: (chosen: Chosen | undefined) => void;
}) {
  const local = chain.faucet !== undefined;
  const [kind, setKind] = useState<Kind>(local ? "play" : paste ? "paste" : "wallet");
  const [text, setText] = useState("");
  const [play, setPlay] = useState<Address>();
  const [failed, setFailed] = useState<Words>();
  const [tries, setTries] = useState(0);
  const id = useId();

  useEffect(() => {
    if (kind !== "play" || tries < 0) return;
    let current = true;
    setFailed(undefined);
    tab
      .openBurner()
      .then((wallet) => {
        if (!current) return;
        setPlay(wallet.address);
        setFailed(undefined);
        onChange({ address: wallet.address, wallet });
      })
      .catch((thrown: unknown) => {
        if (!current) return;
        setFailed(words(thrown, "play money wallet"));
        onChange(undefined);
      });
    return () => {
      current = false;
    };
  }, [kind, tries, onChange]);

  const typed = text === "" ? undefined : checkAddress(text, chain.contract);
  const connected = useCallback((one: Chosen | undefined) => onChange(one), [onChange]);

  const options: { kind: Kind; name: string; help: string }[] = [
    ...(local
      ? [
          {
            kind: "play" as const,
            name: "Play money, local chain only",
            help: "Worth nothing outside this machine.",
          },
        ]
      : []),
    ...(paste
      ? [
          {
            kind: "paste" as const,
            name: "An address of mine",
            help: "Nothing to install or connect.",
          },
        ]
      : []),
    {
      kind: "wallet",
      name: "A wallet in this browser",
      help: "Connects to it; nothing is sent yet.",
    },
  ];

  return (
    <div>
      <p id={id} className="text-[0.9375rem] font-medium">
        {legend}
      </p>
      <RadioGroup
        aria-labelledby={id}
        value={kind}
        disabled={disabled}
        onValueChange={(next: Kind) => {
          setKind(next);
          onChange(undefined);
        }}
        className={`mt-2 grid gap-2 ${options.length > 2 ? "sm:grid-cols-3" : "sm:grid-cols-2"}`}
      >
        {options.map((one) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: Radio.Root holds the input
          <label
            key={one.kind}
            className="flex gap-3 rounded-lg border border-line p-3 has-data-checked:border-accent has-data-checked:bg-tint"
          >
            <Radio.Root
              value={one.kind}
              className="mt-0.5 flex size-5 shrink-0 items-center justify-center rounded-full border border-edge bg-panel data-checked:border-accent"
            >
              <Radio.Indicator className="size-2.5 rounded-full bg-accent" />
            </Radio.Root>
            <span>
              <span className="block text-[0.9375rem] font-medium">{one.name}</span>
              <span className="block text-[0.8125rem] text-muted">{one.help}</span>
            </span>
          </label>
        ))}
      </RadioGroup>

      <div className="mt-3">
        {kind === "play" &&
          (failed !== undefined ? (
            <Notice
              tone="bad"
              title={failed.title}
              action={<Button onClick={() => setTries(tries + 1)}>Try again</Button>}
            >
              {failed.advice}
            </Notice>
          ) : play === undefined ? (
            <p role="status" className="flex items-center gap-2 text-sm text-muted">
              <Spinner className="size-4" /> Making a wallet with play money
            </p>
          ) : (
            <p className="text-sm text-muted">
              Address <output aria-label="Play money address">{shortAddress(play)}</output>
            </p>
          ))}
        {kind === "paste" && (
          <Field
            label="Your address"
            help="0x and 40 digits. Whoever holds its key receives the money."
            error={typed !== undefined && "error" in typed ? typed.error : undefined}
          >
            {(props) => (
              <input
                {...props}
                value={text}
                disabled={disabled}
                spellCheck={false}
                autoComplete="off"
                placeholder="0x"
                onChange={(event) => {
                  const next = event.target.value;
                  setText(next);
                  const checked = checkAddress(next, chain.contract);
                  onChange("address" in checked ? checked : undefined);
                }}
                className={`${inputClass} w-full max-w-xl font-mono text-sm`}
              />
            )}
          </Field>
        )}
        {kind === "wallet" && (
          <Suspense fallback={<Spinner />}>
            <BrowserWallet chain={chain} onWallet={connected} />
          </Suspense>
        )}
      </div>
    </div>
  );
}
