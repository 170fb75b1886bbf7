/** Names of queues; the same for producers and consumers. */
export const QUEUES = { tokenLedger: 'token-ledger', webhookWake: 'webhook-wake' } as const;

/** Before every key in Redis, so that the service can share a server. */
export const DEFAULT_PREFIX = 'incumbent';

/** One fencing token that was issued. Times are RFC 3339: a job is JSON. */
export interface TokenLedgerEntry {
  tenantId: string;
  jti: string;
  election: string;
  seat: number;
  epoch: number;
  term: number;
  fence: number;
  candidate: string;
  kid: string;
  issuedAt: string;
  expiresAt: string;
}

/** Job of `token-ledger`. Delivered at least once: whoever writes it down must bear a repetition. */
export interface TokenLedgerJob {
  entries: TokenLedgerEntry[];
}

/** Job of `webhook-wake`: something is owed to this endpoint. A hint; it may be lost, repeated, or late. */
export interface WebhookWakeJob {
  tenantId: string;
  endpointId: string;
}
