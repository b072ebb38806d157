import type { Address, Wallet, WalletProvider } from "@tabcast/channel";
import * as Chains from "@tabcast/channel/chains";
import type { ChainConfig } from "@tabcast/node/config";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { defineChain, http } from "viem";
import {
  createConfig,
  useConnect,
  useConnection,
  useConnectors,
  useDisconnect,
  useSwitchChain,
  WagmiProvider,
} from "wagmi";
import { shortAddress } from "./format.ts";
import { Button } from "./ui/button.tsx";
import { Notice } from "./ui/parts.tsx";
import { words } from "./words.ts";

export interface BrowserWalletProps {
  readonly chain: ChainConfig;
  /** The connected wallet on the right network, or undefined while there is none. */
  readonly onWallet: (chosen: { wallet: Wallet; address: Address } | undefined) => void;
}

/** Connects a wallet that this browser announces (EIP-6963). A chunk of its own: only people who pay or earn load it. */
export default function BrowserWallet({ chain, onWallet }: BrowserWalletProps) {
  const config = useMemo(() => {
    const { coin } = Chains.of(chain.id);
    const network = defineChain({
      id: chain.id,
      name: `Chain ${chain.id}`,
      nativeCurrency: { name: coin, symbol: coin, decimals: 18 },
      rpcUrls: { default: { http: [chain.rpc] } },
    });
    return createConfig({ chains: [network], transports: { [network.id]: http(chain.rpc) } });
  }, [chain]);
  const [queries] = useState(() => new QueryClient());
  return (
    <WagmiProvider config={config}>
      <QueryClientProvider client={queries}>
        <Connect chain={chain} onWallet={onWallet} />
      </QueryClientProvider>
    </WagmiProvider>
  );
}

function Connect({ chain, onWallet }: BrowserWalletProps) {
  const connectors = useConnectors();
  const { address, chainId, connector, isConnected } = useConnection();
  const connect = useConnect();
  const disconnect = useDisconnect();
  const turn = useSwitchChain();
  const right = chainId === chain.id;

  useEffect(() => {
    if (!isConnected || !right || address === undefined || connector === undefined) {
      onWallet(undefined);
      return;
    }
    let current = true;
    void connector.getProvider().then((provider) => {
      if (current) onWallet({ wallet: { provider: provider as WalletProvider, address }, address });
    });
    return () => {
      current = false;
    };
  }, [isConnected, right, address, connector, onWallet]);

  const failure = connect.error ?? turn.error;
  const said = failure === null ? undefined : words(failure, "wallet");
  return (
    <div className="space-y-3">
      {isConnected && address !== undefined ? (
        <div className="flex flex-wrap items-center gap-3">
          <p className="text-[0.9375rem]">
            {connector?.name}, <output aria-label="Wallet address">{shortAddress(address)}</output>
          </p>
          <Button look="quiet" onClick={() => disconnect.mutate({})}>
            Disconnect
          </Button>
        </div>
      ) : connectors.length === 0 ? (
        <Notice title="This browser has no wallet">
          Install one and reload the page, or choose another way above.
        </Notice>
      ) : (
        <div className="flex flex-wrap gap-2">
          {connectors.map((one) => (
            <Button
              key={one.uid}
              disabled={connect.isPending}
              onClick={() => connect.mutate({ connector: one })}
            >
              {one.icon !== undefined && <img src={one.icon} alt="" className="size-5" />}
              Connect {one.name}
            </Button>
          ))}
        </div>
      )}
      {isConnected && !right && (
        <Notice
          tone="warn"
          title={`The wallet is on network ${chainId ?? "unknown"}; this page uses ${chain.id}`}
          action={
            <Button
              look="main"
              disabled={turn.isPending}
              onClick={() => turn.mutate({ chainId: chain.id })}
            >
              Switch the wallet to network {chain.id}
            </Button>
          }
        />
      )}
      {said !== undefined && (
        <Notice tone="bad" title={said.title}>
          {said.advice}
        </Notice>
      )}
    </div>
  );
}
