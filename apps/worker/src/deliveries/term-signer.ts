import { FencingTokens, type KeyRing, type LedgerEntry, ledgerEntryOf, type TokenLedger } from '#fencing';
import type { Clock } from '#core';
import type { Logger, Metrics } from '#telemetry';
import type { AcquiredTerm, SignTerm } from '#webhooks';

export interface TermSignerParts {
  keyRing: KeyRing;
  ledger: TokenLedger;
  issuer: string;
  metrics: Metrics;
}

/** Makes the fencing tokens that deliveries carry: one for a term while it is young, and each in the ledger first. */
export class TermSigner {
  private readonly tokens: FencingTokens;
  private unwritten: LedgerEntry[] = [];
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly parts: TermSignerParts,
    private readonly logger: Logger,
    clock: Clock,
  ) {
    const onIssued = (...issued: Parameters<typeof ledgerEntryOf>): void => {
      parts.metrics.tokensSigned.inc();
      this.unwritten.push(ledgerEntryOf(...issued));
    };
    this.tokens = new FencingTokens(parts.keyRing, { issuer: parts.issuer, onIssued }, clock);
  }

  /** Undefined where nothing can be signed or written down: the delivery then tells the fence alone. */
  readonly sign: SignTerm = async (term: AcquiredTerm) => {
    try {
      const token = this.tokens.tokenFor(term);
      await this.writeDown();
      return token;
    } catch (error) {
      const { tenantId, election } = term;
      this.logger.error({ err: error, tenantId, election }, 'a delivery goes without its fencing token');
      return undefined;
    }
  };

  /** One after the other, so that nobody passes by an entry whose write is under way. */
  private writeDown(): Promise<void> {
    this.writing = this.writing.catch(() => undefined).then(() => this.writeWaiting());
    return this.writing;
  }

  /** What could not be written stays for the next time, and no token leaves before. */
  private async writeWaiting(): Promise<void> {
    const entries = this.unwritten;
    if (entries.length === 0) return;
    this.unwritten = [];
    try {
      this.parts.metrics.ledgerWritten.inc(await this.parts.ledger.write(entries));
    } catch (error) {
      this.unwritten.push(...entries);
      throw error;
    }
  }
}
