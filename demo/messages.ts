/** What the demo's director and its processes tell each other over their IPC channel. */
import type { Loss } from '#sdk';

export interface GatewayOrders {
  /** Refuse calls without a fence or with one below the highest seen. */
  readonly fenced: boolean;
}

export type GatewayNews = { readonly kind: 'listening'; readonly url: string };

export interface DialerOrders {
  readonly kind: 'dial';
  readonly name: string;
  readonly customersFile: string;
  readonly gatewayUrl: string;
  /** How long a phone rings between the decision to call and the call. */
  readonly ringMs: number;
  /** Unset: dial without asking anybody. */
  readonly incumbent?: {
    readonly baseUrls: readonly string[];
    readonly apiKey: string;
    readonly election: string;
    readonly ttlMs: number;
    /** Over a socket. */
    readonly attached: boolean;
  };
}

export type DialerCommand = DialerOrders | { readonly kind: 'resign' } | { readonly kind: 'stop' };

export type DialerNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'elected';
      readonly term: number;
      readonly fence: number;
      readonly token: string | undefined;
    }
  | ({ readonly kind: 'lost' } & Loss)
  | { readonly kind: 'ringing'; readonly customer: string }
  | { readonly kind: 'called'; readonly customer: string }
  | { readonly kind: 'refused'; readonly customer: string; readonly fence: number; readonly highest: number }
  | { readonly kind: 'finished' }
  | { readonly kind: 'failed'; readonly message: string };

/** Sends to the director; does nothing when it is gone. */
export function report(news: DialerNews | GatewayNews): void {
  if (process.connected) process.send?.(news);
}
