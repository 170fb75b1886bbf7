import type { Clock } from '#core';
import type { Logger } from '#telemetry';
import { QUEUES, type TokenLedgerJob } from './contracts.js';
import { JobConsumer } from './job-consumer.js';
import type { RedisLink } from './redis-link.js';

/** Jobs written at the same moment; each is one statement. */
const CONCURRENCY = 4;

export interface TokenLedgerConsumerOptions {
  prefix?: string;
}

/** Hands the jobs of the token ledger queue to `write`, each at least once. */
export class TokenLedgerConsumer extends JobConsumer<TokenLedgerJob> {
  constructor(
    link: RedisLink,
    write: (job: TokenLedgerJob) => Promise<void>,
    options: TokenLedgerConsumerOptions,
    logger: Logger,
    clock: Clock,
  ) {
    super(
      link,
      write,
      { name: QUEUES.tokenLedger, prefix: options.prefix, concurrency: CONCURRENCY },
      logger,
      clock,
    );
  }
}
