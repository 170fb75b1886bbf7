import type { ArrivedRenewal, SessionTiming, TimingAdvice, TooShort } from '#election';
import type { Engine } from '#etcd';
import type { FastifyReply } from 'fastify';
import { ADVICE_HEADER } from './timing.schema.js';

const MS_PER_SECOND = 1_000;

/** The fields of a renewal that this is about; those of HTTP and of frames. */
export interface RenewalFields {
  session: string;
  waitMs?: number | undefined;
  previousRttMs?: number | undefined;
  timing?: boolean | undefined;
}

/** The election is that of the renewal; absent where all of a session were renewed. */
export interface TooShortNotice extends TooShort {
  tenantId: string;
  election?: string;
}

interface RoundTrips {
  roundTripSeconds: { observe(seconds: number): void };
}

/** Observes renewals and says what their participants should know. On the hot path: well below a microsecond. */
export class RenewalAdvice {
  private readonly listeners: ((notice: TooShortNotice) => void)[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly metrics: RoundTrips,
  ) {}

  /** Tells when the ttlMs of a session is too short: once an hour at most for each. It must not throw and must not wait. */
  listen(listener: (notice: TooShortNotice) => void): void {
    this.listeners.push(listener);
  }

  /**
   * Before the renewal is carried out.
   * @throws IncumbentError session.unknown, store.unavailable
   */
  arrived(tenantId: string, receivedAtMs: number, fields: RenewalFields): ArrivedRenewal {
    const { tokens, timings } = this.engine.current;
    return timings.arrived(tokens.parse(fields.session, tenantId), receivedAtMs, fields);
  }

  /** Once it was carried out. Undefined for a session that is not watched (yet). */
  answered(
    renewal: ArrivedRenewal,
    answer: { renewAfterMs: number },
    tenantId: string,
    election?: string,
  ): SessionTiming | undefined {
    const { previousRttMs } = renewal;
    if (previousRttMs !== undefined && !renewal.mayBeHeld)
      this.metrics.roundTripSeconds.observe(previousRttMs / MS_PER_SECOND);
    const { timings } = this.engine.current;
    const timing = timings.answered(renewal, answer.renewAfterMs);
    if (timing?.tooShort) {
      const due = timings.dueToTell(renewal.sessionId);
      if (due) this.tell({ ...due, tenantId, ...(election !== undefined && { election }) });
    }
    return timing;
  }

  private tell(notice: TooShortNotice): void {
    for (const listener of this.listeners) listener(notice);
  }
}

/** Puts the warning into the answer's head. @returns what belongs into its body: only what was asked for */
export function tellAdvice(
  reply: FastifyReply,
  fields: RenewalFields,
  timing: SessionTiming | undefined,
): { timing?: TimingAdvice } {
  if (timing?.tooShort)
    void reply.header(ADVICE_HEADER, `ttl-too-short; recommended=${timing.recommendedTtlMs}`);
  return wantedAdvice(fields, timing);
}

/** What belongs into the body of an answer. */
export function wantedAdvice(
  fields: Pick<RenewalFields, 'timing'>,
  timing: SessionTiming | undefined,
): { timing?: TimingAdvice } {
  return fields.timing === true && timing ? { timing: timing.advice() } : {};
}
