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

export interface RenewalAdviceParts {
  engine: Engine;
  metrics: { roundTripSeconds: { observe(seconds: number): void } };
  /**
   * Told that the ttlMs of a session is too short: once an hour at most for each session. The election is that of the
   * renewal; absent where all of a session were renewed. Must not throw and must not wait.
   */
  onTooShort(notice: TooShort & { tenantId: string; election?: string }): void;
}

/** Observes renewals and says what their participants should know. On the hot path: well below a microsecond. */
export class RenewalAdvice {
  constructor(private readonly parts: RenewalAdviceParts) {}

  /**
   * Before the renewal is carried out.
   * @throws IncumbentError session.unknown, store.unavailable
   */
  arrived(tenantId: string, receivedAtMs: number, fields: RenewalFields): ArrivedRenewal {
    const { tokens, timings } = this.parts.engine.current;
    return timings.arrived(tokens.parse(fields.session, tenantId), receivedAtMs, fields);
  }

  /** Once it was carried out. Undefined for a session that is not watched (yet). */
  answered(
    renewal: ArrivedRenewal,
    answer: { renewAfterMs: number },
    tenantId: string,
    election?: string,
  ): SessionTiming | undefined {
    const { engine, metrics } = this.parts;
    const { previousRttMs } = renewal;
    if (previousRttMs !== undefined && !renewal.mayBeHeld)
      metrics.roundTripSeconds.observe(previousRttMs / MS_PER_SECOND);
    const { timings } = engine.current;
    const timing = timings.answered(renewal, answer.renewAfterMs);
    if (timing?.tooShort) {
      const due = timings.dueToTell(renewal.sessionId);
      if (due) this.parts.onTooShort({ ...due, tenantId, ...(election !== undefined && { election }) });
    }
    return timing;
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
  return fields.timing === true && timing ? { timing: timing.advice() } : {};
}
