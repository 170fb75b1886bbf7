import {
  applyDecorators,
  HttpCode,
  RequestMethod,
  RequestMapping,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { ErrorCode } from '#core';
import type { AdminRole, Scope } from '#tenancy';
import type { z } from 'zod';
import { IDEMPOTENCE, type Idempotence, IdempotencyInterceptor } from '../limits/idempotency.interceptor.js';
import { type Deprecation, deprecationHeaders } from './deprecation.js';

/**
 * One call of the API, described once: the route, who may call it, what it takes and what it answers. The
 * router, the gate, the validation and the OpenAPI document all read this description, so they cannot differ.
 */
export interface OperationSpec {
  /** OpenAPI operationId; generated clients name their methods after it. */
  id: string;
  method: RequestMethod;
  /** As in OpenAPI: `/v1/elections/{name}`. */
  path: string;
  tag: string;
  summary: string;
  description: string;
  access: Access;
  /** A key with this scope may make the call as well: the handler says, by the body, which of the two it needs. */
  orAccess?: Scope;
  /** A suspended tenant may still make this call. */
  evenSuspended?: boolean;
  /** Extends or ends a session: counted apart and generously, and never refused for want of Redis. */
  renews?: boolean;
  /** Makes something, at most once for each `Idempotency-Key`. */
  idempotent?: Idempotence;
  /** The last parameter of the path is everything that follows it, slashes included; it may be missing. */
  openEnded?: boolean;
  /** Every answer says so. */
  deprecated?: Deprecation;
  params?: z.ZodObject;
  /** Values arrive as strings; see `query.ts` for numbers. */
  query?: z.ZodObject;
  /** Header names in lower case. */
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** Whoever has nothing to say sends no body; it is read as `{}`. */
  bodyOptional?: boolean;
  answers: Record<number, AnswerSpec>;
  /** Codes beyond those that follow from access, params, query and body. */
  errors?: readonly ErrorCode[];
}

/**
 * `public`: nobody is asked; `admin`: an admin token, of the role `full` for whatever is no GET; else the scope that
 * the API key must have.
 */
export type Access = 'public' | 'admin' | Scope;

export interface AnswerSpec {
  description: string;
  schema?: z.ZodType;
  /** `application/json` unless said otherwise. */
  mediaType?: string;
  /** What a caller that accepts `application/x-ndjson` gets instead. */
  lines?: { schema: z.ZodType; examples: Record<string, unknown> };
  headers?: Record<string, string>;
  examples?: Record<string, unknown>;
}

/** What Fastify holds with every route, for the hooks. */
export interface RoutePolicy {
  operationId: string;
  access: Access;
  orAccess: Scope | undefined;
  evenSuspended: boolean;
  renews: boolean;
  /** Sent with every answer of a deprecated call. */
  deprecation: Record<string, string> | undefined;
  /** What an admin token must be allowed for a call of the admin API: whatever is no GET changes something. */
  role: AdminRole;
  hasBody: boolean;
  quiet: boolean;
}

/** The role that a call of the admin API needs. */
export function roleOf(spec: Pick<OperationSpec, 'method'>): AdminRole {
  return spec.method === RequestMethod.GET ? 'read_only' : 'full';
}

const OPERATION = 'incumbent:operation';

/** Makes a controller's method serve `spec`. */
export function Operation(spec: OperationSpec): MethodDecorator {
  const status = Math.min(...Object.keys(spec.answers).map(Number));
  const policy: RoutePolicy = {
    operationId: spec.id,
    access: spec.access,
    orAccess: spec.orAccess,
    evenSuspended: spec.evenSuspended ?? false,
    renews: spec.renews ?? false,
    deprecation: spec.deprecated && deprecationHeaders(spec.deprecated),
    role: roleOf(spec),
    hasBody: spec.body !== undefined,
    quiet: isQuiet(spec.access),
  };
  return applyDecorators(
    RequestMapping({ method: spec.method, path: routesOf(spec) }),
    HttpCode(status),
    RouteConfig({ policy }),
    SetMetadata(OPERATION, spec),
    ...(spec.idempotent
      ? [SetMetadata(IDEMPOTENCE, spec.idempotent), UseInterceptors(IdempotencyInterceptor)]
      : []),
  );
}

/** The paths as the router takes them. */
function routesOf(spec: OperationSpec): string[] {
  const route = spec.path.replaceAll(/\{(\w+)\}/g, ':$1');
  if (!spec.openEnded) return [route];
  const fixed = route.replace(/\/:\w+$/, '');
  return [fixed, `${fixed}/*`];
}

/** Successful election calls and probes come by the thousand: their access lines are written at debug. */
function isQuiet(access: Access): boolean {
  return access === 'public' || access === 'elections:read' || access === 'elections:campaign';
}

/** The operations that a controller class serves. */
export function operationsOf(controller: { prototype: object }): OperationSpec[] {
  const members = Object.getOwnPropertyDescriptors(controller.prototype) as Record<
    string,
    PropertyDescriptor
  >;
  return Object.values(members).flatMap((member) => {
    const spec: unknown =
      typeof member.value === 'function' ? Reflect.getMetadata(OPERATION, member.value as object) : undefined;
    return spec === undefined ? [] : [spec as OperationSpec];
  });
}
