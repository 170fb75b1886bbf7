import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { IncumbentError } from '#core';
import { type Claim, fingerprintOf, IdempotentRequests, type StoredAnswer } from '#tenancy';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';

/** How a call is answered once for each Idempotency-Key. */
export interface Idempotence {
  /** Fields of the answer that are told once. */
  secrets: readonly string[];
  /** Whether a body asks for something that is made; if not, the key is not looked at. */
  makes?: (body: unknown) => boolean;
  /** False: no answer is kept. The call finds by itself what an earlier attempt made, and tells how that is now. */
  keeps?: false;
}

/** Metadata of a handler that is answered once for each Idempotency-Key. */
export const IDEMPOTENCE = 'incumbent:idempotence';

const KEY = /^[\x21-\x7e]{1,255}$/;
const KEPT_HEADERS = ['etag', 'location'] as const;

/**
 * Carries out calls that make something at most once for each Idempotency-Key, and answers repeats as the first was
 * answered, but for its secrets: those are told once. A call that was refused leaves the key free.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly requests: IdempotentRequests,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = keyOf(request);
    const { secrets, makes, keeps } = this.reflector.get<Idempotence>(IDEMPOTENCE, context.getHandler());
    if (key === undefined || makes?.(request.body) === false) return next.handle();
    if (keeps === false) {
      request.call.onceId = `${operationOf(request)} ${request.call.caller.tenantId} ${key}`;
      return next.handle();
    }
    return from(this.once(key, request, http.getResponse<FastifyReply>(), { next, secrets }));
  }

  private async once(
    key: string,
    request: FastifyRequest,
    reply: FastifyReply,
    { next, secrets }: { next: CallHandler; secrets: readonly string[] },
  ): Promise<unknown> {
    const { principal } = request.call;
    const claimed = await this.requests.claim({
      tenantId: principal?.tenantId,
      operation: operationOf(request),
      key,
      // What a key may see is part of the question: a narrower key is not told what a wider one was.
      fingerprint: fingerprintOf([request.body ?? null, principal?.electionPrefix ?? null]),
    });
    if (claimed.kind === 'replay') return replay(reply, claimed.answer);
    request.call.onceId = claimed.claim.requestId;
    const made = await this.carryOut(claimed.claim, next);
    await this.requests.complete(claimed.claim, answerOf(reply, made, secrets));
    return made;
  }

  private async carryOut(claim: Claim, next: CallHandler): Promise<unknown> {
    try {
      return await lastValueFrom(next.handle());
    } catch (error) {
      const refused = error instanceof IncumbentError && error.status < 500;
      // What fails here lapses by itself.
      await this.requests[refused ? 'release' : 'abandon'](claim).catch(() => undefined);
      throw error;
    }
  }
}

function operationOf({ method, url }: FastifyRequest): string {
  return `${method} ${url.split('?', 1)[0]}`;
}

/** @throws IncumbentError request.invalid_header */
function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && KEY.test(key)) return key;
  const message = 'Must be 1 to 255 visible ASCII characters.';
  throw new IncumbentError('request.invalid_header', `Idempotency-Key: ${message}`, {
    errors: [{ pointer: 'idempotency-key', code: 'invalid_format', message }],
  });
}

function answerOf(reply: FastifyReply, made: unknown, secrets: readonly string[]): StoredAnswer {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = reply.getHeader(name);
    if (typeof value === 'string') headers[name] = value;
  }
  const shown = Object.entries(made as Record<string, unknown>).filter(([name]) => !secrets.includes(name));
  return { status: reply.statusCode, headers, body: Object.fromEntries(shown) };
}

function replay(reply: FastifyReply, answer: StoredAnswer): unknown {
  void reply.code(answer.status).headers({ ...answer.headers, 'idempotent-replayed': 'true' });
  return answer.body;
}
