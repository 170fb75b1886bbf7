import type { Clock } from '#core';
import type { Logger } from '#telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Observes how long a call took; seconds. */
export interface Latency {
  observe(seconds: number): void;
}

/**
 * One line per answer: at debug for election calls and probes that went well and for calls that came too often (they
 * come by the thousand, and metrics count them), at info for management and other refusals, at warn where a server
 * was away, at error for faults of ours. Never the query or the body: they may hold what is not ours to write down.
 */
export class AccessLog {
  private readonly latencies: ReadonlyMap<string, Latency>;

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
    /** By operationId. */
    latencies: Record<string, Latency>,
  ) {
    this.latencies = new Map(Object.entries(latencies));
  }

  answered(request: FastifyRequest, reply: FastifyReply): void {
    const policy = request.routeOptions.config.policy;
    const durationMs = this.clock.monotonicMs() - request.call.receivedAtMs;
    if (policy && !request.call.held) this.latencies.get(policy.operationId)?.observe(durationMs / 1_000);
    const { statusCode } = reply;
    const level = request.call.refusalIsAnswer ? 'debug' : levelOf(statusCode, policy?.quiet ?? false);
    if (!this.logger.isLevelEnabled(level)) return;
    this.logger[level](
      {
        requestId: request.id,
        traceId: request.call.trace?.traceId,
        tenantId: request.call.principal?.tenantId,
        keyId: request.call.principal?.keyId,
        operation: policy?.operationId,
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: statusCode,
        durationMs: Math.round(durationMs * 10) / 10,
        ip: request.ip,
      },
      'answered',
    );
  }
}

function levelOf(status: number, quiet: boolean): 'debug' | 'info' | 'warn' | 'error' {
  if (status === 429) return 'debug';
  if (status >= 500) return status === 503 ? 'warn' : 'error';
  return status < 400 && quiet ? 'debug' : 'info';
}
