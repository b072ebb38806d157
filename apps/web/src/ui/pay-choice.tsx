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

interface Option {
  readonly kind: Kind;
  readonly name: string;
  readonly help: string;
}

const options = {
  play: {
    kind: "play",
    name: "Play money, local chain only",
    help: "Worth nothing outside this machine.",
  },
  paste: {
    kind: "paste",
    name: "An address of mine",
    help: "Nothing to install or connect.",
  },
  wallet: {
    kind: "wallet",
    name: "A wallet in this browser",
    help: "Connects to it; nothing is sent yet.",
  },
} as const satisfies Record<Kind, Option>;

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
  const id = useId();
  const connected = useCallback((one: Chosen | undefined) => onChange(one), [onChange]);
  const offered = [
    ...(local ? [options.play] : []),
    ...(paste ? [options.paste] : []),
    options.wallet,
  ];
  return (
    <div>
      <p id={id} className="text-[0.9375rem] font-medium">
        {legend}
      </p>
      <Kinds
        labelledBy={id}
        offered={offered}
        kind={kind}
        disabled={disabled}
        choose={(next) => {
          setKind(next);
          onChange(undefined);
        }}
      />
      <div className="mt-3">
        {kind === "play" && <PlayMoney onChange={onChange} />}
        {kind === "paste" && (
          <PastedAddress contract={chain.contract} disabled={disabled} onChange={onChange} />
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

function Kinds({
  labelledBy,
  offered,
  kind,
  disabled,
  choose,
}: {
  labelledBy: string;
  offered: readonly Option[];
  kind: Kind;
  disabled: boolean;
  choose: (kind: Kind) => void;
}) {
  return (
    <RadioGroup
      aria-labelledby={labelledBy}
      value={kind}
      disabled={disabled}
      onValueChange={choose}
      className={`mt-2 grid gap-2 ${offered.length > 2 ? "sm:grid-cols-3" : "sm:grid-cols-2"}`}
    >
      {offered.map((one) => (
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
  );
}

/** A wallet of this tab with play money in it. */
function PlayMoney({ onChange }: { onChange: (chosen: Chosen | undefined) => void }) {
  const [address, setAddress] = useState<Address>();
  const [failed, setFailed] = useState<Words>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (tries < 0) return;
    let current = true;
    setFailed(undefined);
    tab
      .openBurner()
      .then((wallet) => {
        if (!current) return;
        setAddress(wallet.address);
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
  }, [tries, onChange]);
  if (failed !== undefined)
    return (
      <Notice
        tone="bad"
        title={failed.title}
        action={<Button onClick={() => setTries(tries + 1)}>Try again</Button>}
      >
        {failed.advice}
      </Notice>
    );
  return address === undefined ? (
    <p role="status" className="flex items-center gap-2 text-sm text-muted">
      <Spinner className="size-4" /> Making a wallet with play money
    </p>
  ) : (
    <p className="text-sm text-muted">
      Address <output aria-label="Play money address">{shortAddress(address)}</output>
    </p>
  );
}

function PastedAddress({
  contract,
  disabled,
  onChange,
}: {
  contract: Address;
  disabled: boolean;
  onChange: (chosen: Chosen | undefined) => void;
}) {
  const [text, setText] = useState("");
  const typed = text === "" ? undefined : checkAddress(text, contract);
  return (
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
            const checked = checkAddress(next, contract);
            onChange("address" in checked ? checked : undefined);
          }}
          className={`${inputClass} w-full max-w-xl font-mono text-sm`}
        />
      )}
    </Field>
  );
}
