import { randomBytes } from 'node:crypto';
import {
  type ActContext,
  type Actor,
  type Caused,
  type Clock,
  derivedId,
  type IdPrefix,
  toBase32,
} from '#core';
import type { CallBounds } from '#election';
import type { Principal } from '#tenancy';
import type { FastifyRequest } from 'fastify';
import type { RoutePolicy } from './operation.js';
import { readTraceparent, type TraceContext } from './trace-context.js';

declare module 'fastify' {
  interface FastifyRequest {
    call: Call;
  }
  interface FastifyContextConfig {
    policy?: RoutePolicy;
  }
}

/**
 * Milliseconds from the arrival of a request to its answer, whatever the store does. Less than the promised 2 s,
 * so that the promise holds as the caller measures it, over a network and on a busy machine; more than a leader
 * election of etcd takes with the recommended settings (up to 1 s), so that most calls survive one.
 */
export const ANSWER_WITHIN_MS = 1_500;

/** A header of a stranger's choice goes on record; its length is ours to choose. */
const LONGEST_USER_AGENT = 256;

/** What the edge knows of one request: when it came, how the log names it, who makes it. */
export class Call {
  /** Set by the gate for calls with an API key. */
  principal: Principal | undefined;
  /** Set by the gate for calls of the admin API. */
  operator: Actor | undefined;
  /** The answer was held on purpose: its duration says nothing about us. */
  held = false;
  /** The refusal is one of the answers that the call exists for, and no sign that something is wrong. */
  refusalIsAnswer = false;
  /** Set for a call with an Idempotency-Key that makes something: the same for all its attempts. */
  onceId: string | undefined;
  /** The caller's trace, if it named one. */
  readonly trace: TraceContext | undefined;

  constructor(
    readonly requestId: string,
    /** On the monotonic clock, taken before anything was read or awaited: grants count from here at the latest. */
    readonly receivedAtMs: number,
    private readonly request: FastifyRequest,
  ) {
    this.trace = readTraceparent(request.headers['traceparent']);
  }

  /** The caller of a route that demands an API key; the gate has made sure that there is one. */
  get caller(): Principal {
    if (this.principal === undefined)
      throw new Error('This route has no access policy that demands an API key');
    return this.principal;
  }

  /** Who makes the call and from where, for the record of what follows from it. */
  get caused(): Caused {
    const actor = this.operator ?? { type: 'api_key' as const, id: this.caller.keyId };
    return { actor, context: this.origin };
  }

  /** Where the call came from. */
  get origin(): ActContext {
    const userAgent = this.request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT);
    return { requestId: this.requestId, ip: this.request.ip, ...(userAgent && { userAgent }) };
  }

  /** The id of what the call makes, where a repeated attempt has to make the same; else undefined. */
  idOnce(prefix: IdPrefix, ...parts: string[]): string | undefined {
    return this.onceId === undefined ? undefined : derivedId(prefix, this.onceId, ...parts);
  }

  /** How long the engine may take; held answers get their wait on top. */
  bounds(waitMs = 0, signal?: AbortSignal): CallBounds {
    this.held = waitMs > 0;
    const bounds = {
      receivedAtMs: this.receivedAtMs,
      deadlineMs: this.receivedAtMs + ANSWER_WITHIN_MS + waitMs,
    };
    return signal === undefined ? bounds : { ...bounds, signal };
  }
}

/** Ids a caller may choose for its request; anything else is replaced by one of ours. */
const SANE_REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}$/;

/** Opens calls. Ids are a random part of this process and a counter: unique without asking for entropy each time. */
export class CallFactory {
  private readonly process = toBase32(randomBytes(8));
  private counter = 0;

  constructor(private readonly clock: Clock) {}

  requestId(given: string | string[] | undefined): string {
    if (typeof given === 'string' && SANE_REQUEST_ID.test(given)) return given;
    this.counter += 1;
    return `req_${this.process}${this.counter.toString(36).padStart(6, '0')}`;
  }

  open(request: FastifyRequest): Call {
    return new Call(request.id, this.clock.monotonicMs(), request);
  }
}
