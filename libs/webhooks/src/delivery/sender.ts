import { type Clock, delay, hasCode } from '#core';
import type { Logger } from '#telemetry';
import type { ClaimedDelivery } from './claimed-delivery.js';
import type { Envelopes } from './envelope.js';
import type { GuardedAgent } from './guarded-agent.js';
import type { Attempt, Outcomes, Recorded } from './outcomes.js';

/** A worker that froze between claim and request must not send what another may have taken over. */
const START_WITHIN_MS = 3_000;
/** Postgres may be away for a moment; an outcome that is lost is a delivery made twice. */
const RECORD_WITHIN_MS = 4_000;
const RECORD_AGAIN_AFTER_MS = 250;

/** `unsent`: nothing left this process. `cut`: it was told to stop, and what came of the request is not known. */
export type Sent = Recorded | 'unsent' | 'cut';

export interface SenderParts {
  envelopes: Envelopes;
  agent: GuardedAgent;
  outcomes: Outcomes;
  /** Told of every attempt that was written down: how it ended, and its duration in seconds. */
  onAttempt: (ended: Recorded, seconds: number) => void;
}

/** Makes one attempt at a delivery and sees to it that its outcome is written down. */
export class Sender {
  constructor(
    private readonly parts: SenderParts,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** @throws SealBroken, IncumbentError database.unavailable; the claim then lapses and the delivery is made again */
  async send(delivery: ClaimedDelivery, signal: AbortSignal): Promise<Sent> {
    const { url, timeoutMs } = delivery.endpoint;
    const envelope = await this.parts.envelopes.of(delivery);
    if (this.clock.monotonicMs() - delivery.claimedMs > START_WITHIN_MS || signal.aborted) return 'unsent';
    const startedAt = new Date(this.clock.wallTimeMs());
    const answer = await this.parts.agent.post({ url, timeoutMs, signal, ...envelope });
    if (answer.status === null && signal.aborted) return 'cut';
    const recorded = await this.record(delivery, { startedAt, answer });
    this.parts.onAttempt(recorded, answer.durationMs / 1000);
    if (recorded.ended === 'lost')
      this.logger.warn(
        { deliveryId: delivery.id },
        'a claim lapsed before its outcome was known; sent again',
      );
    return recorded;
  }

  private async record(delivery: ClaimedDelivery, attempt: Attempt): Promise<Recorded> {
    const endMs = this.clock.monotonicMs() + RECORD_WITHIN_MS;
    for (;;) {
      try {
        return await this.parts.outcomes.record(delivery, attempt);
      } catch (error) {
        if (!hasCode(error, 'database.unavailable') || this.clock.monotonicMs() > endMs) throw error;
        await delay(RECORD_AGAIN_AFTER_MS, this.clock);
      }
    }
  }
}
