import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type ErrorCode, IncumbentError } from '#core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Call } from './call.js';
import type { OperationSpec } from './operation.js';
import { parse } from './validation.js';

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

/** What a handler gets: every part of the request that its operation describes, checked. */
export interface InputOf<S extends OperationSpec> {
  call: Call;
  request: FastifyRequest;
  reply: FastifyReply;
  params: Parsed<S['params']>;
  query: Parsed<S['query']>;
  headers: Parsed<S['headers']>;
  body: Parsed<S['body']>;
}

/**
 * The one argument of every handler. Parts are checked in the order path, query, headers, body, and the first
 * that does not fit is told with all its errors.
 */
export const Input = createParamDecorator((spec: OperationSpec, context: ExecutionContext) => {
  const http = context.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  return readInput(spec, request, http.getResponse<FastifyReply>());
});

/** The parts of a request whose shape only the operation knows. */
type AnyInput = Pick<InputOf<OperationSpec>, 'call' | 'request' | 'reply'> & Record<string, unknown>;

/** @throws IncumbentError request.invalid_path, request.invalid_query, request.invalid_header, request.invalid_body */
export function readInput(spec: OperationSpec, request: FastifyRequest, reply: FastifyReply): AnyInput {
  return {
    call: request.call,
    request,
    reply,
    params: optional(spec.params, spec.params && paramsOf(spec, request), 'request.invalid_path'),
    query: readQuery(spec, request),
    headers: optional(spec.headers, spec.headers && pick(spec.headers, request), 'request.invalid_header'),
    body: optional(spec.body, spec.body && bodyOf(spec, request), 'request.invalid_body'),
  };
}

function optional(schema: z.ZodType | undefined, value: unknown, code: ErrorCode): unknown {
  return schema && parse(schema, value, code);
}

/** The router calls the open end of a path by a name of its own; whoever wants it reads the request target. */
function paramsOf(spec: OperationSpec, request: FastifyRequest): unknown {
  if (!spec.openEnded) return request.params;
  const { '*': _, ...params } = request.params as Record<string, string>;
  return params;
}

/** Calls without a query refuse any parameter: a misspelt or misplaced one must not be ignored. */
function readQuery(spec: OperationSpec, request: FastifyRequest): unknown {
  if (spec.query) return parse(spec.query, { ...(request.query as object) }, 'request.invalid_query');
  for (const name in request.query as object) {
    throw new IncumbentError('request.invalid_query', 'This call takes no query parameters.', {
      errors: [{ pointer: name, code: 'unknown_field', message: 'This call takes no query parameters.' }],
    });
  }
  return undefined;
}

function pick(schema: z.ZodObject, request: FastifyRequest): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of Object.keys(schema.shape)) {
    if (request.headers[name] !== undefined) picked[name] = request.headers[name];
  }
  return picked;
}

function bodyOf(spec: OperationSpec, request: FastifyRequest): unknown {
  if (request.body !== undefined && request.body !== null) return request.body;
  if (spec.bodyOptional) return {};
  throw new IncumbentError(
    'request.invalid_body',
    'Send a JSON object as body, with Content-Type: application/json.',
    {
      errors: [{ pointer: '', code: 'missing', message: 'The body is missing.' }],
    },
  );
}
