import { type Clock, IncumbentError } from '#core';
import type { CallBounds } from '#election';
import type { Logger, Metrics } from '#telemetry';
import type { Principal } from '#tenancy';
import type { FastifyRequest } from 'fastify';
import { ANSWER_WITHIN_MS, type CallFactory } from '../http/call.js';
import type { Gate } from '../http/gate.js';
import type { Problem } from '../http/problem.js';
import type { ProblemFilter } from '../http/problem.filter.js';
import { parse } from '../http/validation.js';
import type { RateGate } from '../limits/rate-gate.js';
import type { AttachedSocket, Desk, Frame } from './attached-socket.js';
import type { FrameCalls, FrameOperation } from './frame-calls.js';

export interface DeskParts {
  calls: FrameCalls;
  gate: Gate;
  rates: RateGate;
  filter: ProblemFilter;
  ids: CallFactory;
  logger: Logger;
  metrics: Metrics;
}

/** What holds for a frame that asks for nothing that exists: it is judged like a call that is not free. */
const UNKNOWN: FrameOperation['policy'] = { access: 'elections:campaign' };

/**
 * Where frames of one socket are received: what the hooks of the server do for a request is done here for a frame, with
 * the very same gate, rates, schemas, problems and metrics.
 */
export class FrameDesk implements Desk {
  constructor(
    private readonly parts: DeskParts,
    /** The request that became the socket: refusals go on record with where it came from. */
    private readonly request: FastifyRequest,
    private readonly clock: Clock,
  ) {}

  /** @throws IncumbentError as the call over HTTP */
  async carry(socket: AttachedSocket, frame: Frame): Promise<object> {
    const { calls, gate, metrics } = this.parts;
    const operation = calls.operationOf(frame);
    const caller = this.admit(socket, operation?.policy ?? UNKNOWN);
    if (!operation) throw unknownOperation(calls.names);
    const body = parse(operation.schema, frame.fields, 'request.invalid_body') as { waitMs?: number };
    const bounds = boundsOf(frame, body.waitMs ?? 0, socket.signal);
    const answer = await operation.run({ socket, caller, body, bounds });
    if (bounds.signal) gate.requirePresent(caller);
    metrics.attachedFrames.inc();
    if (bounds.signal === undefined) this.observe(frame);
    return answer;
  }

  problemOf(socket: AttachedSocket, error: unknown, frame: Frame | undefined): Problem {
    const { filter, ids, logger } = this.parts;
    const problem = filter.problemOf(error, this.request, ids.requestId(undefined));
    const level = problem.status === 503 ? 'warn' : 'debug';
    if (logger.isLevelEnabled(level)) {
      const { tenantId, keyId } = socket.principal;
      const { requestId, status, code } = problem;
      const op = typeof frame?.op === 'string' ? frame.op.slice(0, 32) : undefined;
      logger[level]({ requestId, socket: this.request.id, tenantId, keyId, op, status, code }, 'refused');
    }
    return problem;
  }

  /** @throws IncumbentError identity.*, tenant.suspended, limit.rate_exceeded */
  private admit(socket: AttachedSocket, policy: FrameOperation['policy']): Principal {
    const { gate, rates } = this.parts;
    const caller = gate.requirePresent(socket.principal);
    let refusal: unknown;
    try {
      gate.requireAllowed(caller, { access: policy.access, evenSuspended: policy.evenSuspended ?? false });
    } catch (error) {
      refusal = error;
    }
    const judged = rates.judgeCaller(caller, policy.renews === true, refusal);
    if (judged !== undefined) throw judged as Error;
    return caller;
  }

  private observe({ op, receivedAtMs }: Frame): void {
    const { metrics } = this.parts;
    const seconds = (this.clock.monotonicMs() - receivedAtMs) / 1_000;
    if (op === 'renew') metrics.renewSeconds.observe(seconds);
    else if (op === 'campaign') metrics.campaignSeconds.observe(seconds);
    else if (op === 'resign') metrics.resignSeconds.observe(seconds);
  }
}

/** How long the engine may take; held answers get their wait on top, and end with the socket. */
function boundsOf({ receivedAtMs }: Frame, waitMs: number, signal: AbortSignal): CallBounds {
  const bounds = { receivedAtMs, deadlineMs: receivedAtMs + ANSWER_WITHIN_MS + waitMs };
  return waitMs > 0 ? { ...bounds, signal } : bounds;
}

function unknownOperation(known: readonly unknown[]): IncumbentError {
  const message = `Must be one of ${known.join(', ')}.`;
  return new IncumbentError('request.invalid_body', `/op: ${message}`, {
    errors: [{ pointer: '/op', code: 'invalid_value', message }],
  });
}
