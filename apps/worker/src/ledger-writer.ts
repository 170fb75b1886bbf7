import { type LedgerEntry, type TokenLedger, ledgerEntrySchema } from '#fencing';
import type { TokenLedgerJob } from '#queue';
import type { Logger, Metrics } from '#telemetry';

/**
 * Writes the jobs of the token ledger queue into Postgres. A job that comes twice changes nothing; one that finds
 * Postgres away throws, and the queue brings it again. An entry that cannot be read (a job of another version,
 * say) is reported and left out, so that it does not hold up the others for ever.
 */
export class LedgerWriter {
  constructor(
    private readonly ledger: TokenLedger,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  /** @throws IncumbentError database.unavailable */
  async write(job: TokenLedgerJob): Promise<void> {
    const readable: LedgerEntry[] = [];
    for (const entry of job.entries) {
      const { data, error } = ledgerEntrySchema.safeParse(entry);
      if (data) readable.push(data);
      else
        this.logger.error(
          { jti: entry.jti, problems: error?.issues },
          'ledger entry cannot be read; left out',
        );
    }
    this.metrics.ledgerWritten.inc(await this.ledger.write(readable));
  }
}
