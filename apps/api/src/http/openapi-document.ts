import { RequestMethod } from '@nestjs/common';
import { ERRORS, type ErrorCode } from '#core';
import { z } from 'zod';
import { fieldError, problem } from './openapi-problem.js';
import { type AnswerSpec, type OperationSpec, operationsOf, roleOf } from './operation.js';
import { PROBLEM_MEDIA_TYPE } from './problem.js';

type Json = Record<string, unknown>;

const DESCRIPTION = `Incumbent is a managed leader-election service. Several copies of a program ask which of them may act; Incumbent
answers with a leader, a term, a fence and a signed fencing token, and tells everyone when the leader changes.

Tenant calls need \`Authorization: Bearer <API key>\`, admin calls \`Authorization: Bearer <admin token>\`. Errors are
\`application/problem+json\` (RFC 9457) with a stable \`code\`; \`executed: false\` promises that nothing happened,
\`executed: "unknown"\` is an honest don't-know. Unknown fields are refused, and nothing is coerced.`;

const TAGS = [
  { name: 'Standing', description: 'For participants: campaign, renew, resign.' },
  { name: 'Handing over', description: 'Ending a term on purpose; who may be elected.' },
  { name: 'Sessions', description: 'One session for many elections: open, renew, end.' },
  { name: 'Observing', description: 'Who leads, who waits, what changes.' },
  { name: 'Fencing', description: 'Signed tokens that let a resource refuse a leader that acts too late.' },
  { name: 'Elections', description: 'Creating and changing elections.' },
  { name: 'Webhooks', description: 'Events pushed to URLs of the tenant, signed, retried and in order.' },
  { name: 'Audit', description: 'What was done, by whom: a record that shows tampering.' },
  { name: 'API keys', description: "A tenant's own keys." },
  { name: 'Usage', description: 'What is used of quotas.' },
  { name: 'Tenants', description: 'For the operator of the service.' },
  { name: 'Administration', description: 'Admin tokens, signing keys, the cluster.' },
  { name: 'Operation', description: 'Health and metrics.' },
];

/** The OpenAPI 3.1 document of the given controllers, from the very schemas that check their requests. */
export function buildDocument(controllers: readonly { prototype: object }[]): Json {
  const operations = controllers.flatMap(operationsOf);
  const paths: Record<string, Json> = {};
  for (const spec of operations) {
    const verb = RequestMethod[spec.method].toLowerCase();
    paths[spec.path] = { ...paths[spec.path], [verb]: describe(spec) };
  }
  const used = new Set(operations.map((spec) => spec.tag));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Incumbent',
      version: '1.0.0',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:7400', description: 'The local stack' }],
    tags: TAGS.filter((tag) => used.has(tag.name)),
    paths: sortedByKey(paths),
    components: { securitySchemes, schemas: componentSchemas(), examples: componentExamples(operations) },
  };
}

const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'API key of a tenant: `inc_live_...`' },
  adminToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'An admin token, `inc_adm_...`, or the ADMIN_TOKEN of the environment.',
  },
};

function describe(spec: OperationSpec): Json {
  const or = spec.orAccess === undefined ? '' : ` or \`${spec.orAccess}\``;
  const scope =
    spec.access === 'public' || spec.access === 'admin' ? '' : `\n\nNeeds the scope \`${spec.access}\`${or}.`;
  const operation: Json = {
    operationId: spec.id,
    tags: [spec.tag],
    summary: spec.summary,
    description: spec.description + scope,
    ...(spec.deprecated && { deprecated: true }),
    security: spec.access === 'public' ? [] : [{ [spec.access === 'admin' ? 'adminToken' : 'apiKey']: [] }],
  };
  const parameters = [
    ...parametersOf(spec.params, 'path'),
    ...parametersOf(spec.query, 'query'),
    ...parametersOf(spec.headers, 'header'),
    ...(spec.idempotent ? [spec.idempotent.keeps === false ? FINDING_KEY : IDEMPOTENCY_KEY] : []),
  ];
  if (parameters.length > 0) operation['parameters'] = parameters;
  if (spec.body !== undefined) operation['requestBody'] = requestBody(spec.body, !spec.bodyOptional);
  operation['responses'] = { ...answersOf(spec), ...refusalsOf(spec) };
  return operation;
}

const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Makes a repeat harmless for 24 hours: it gets the first answer, with `Idempotent-Replayed: true` and without ' +
    'secrets. Choose a new key for each new request, a UUID for example.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
};

/** Of calls that keep no answers. */
const FINDING_KEY: Json = {
  ...IDEMPOTENCY_KEY,
  description:
    'Makes a repeat harmless: it finds the hand-over that the first one asked for, while that is the last of its seat, ' +
    'and tells how it stands now. Choose a new key for each new request, a UUID for example.',
};

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query' | 'header'): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { description, ...rest } = schemaOf(field as z.ZodType);
    return {
      name: place === 'header' ? spellHeader(name) : name,
      in: place,
      required: !(field as z.ZodType).safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function spellHeader(name: string): string {
  return name === 'last-event-id'
    ? 'Last-Event-ID'
    : name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

function requestBody(body: z.ZodType, required: boolean): Json {
  const examples = (body.meta()?.['examples'] ?? []) as unknown[];
  const named = Object.fromEntries(examples.map((value, at) => [`example${at + 1}`, { value }] as const));
  return { required, content: { 'application/json': { schema: schemaOf(body), examples: named } } };
}

function answersOf(spec: OperationSpec): Json {
  return Object.fromEntries(
    Object.entries(spec.answers).map(([status, answer]) => [status, answerOf(answer)]),
  );
}

function answerOf(answer: AnswerSpec): Json {
  const described: Json = { description: answer.description };
  const headers = { ...answer.headers, 'X-Request-Id': 'Names this request in the log of the service.' };
  described['headers'] = Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  );
  if (answer.schema === undefined) return described;
  described['content'] = {
    [answer.mediaType ?? 'application/json']: contentOf(answer.schema, answer.examples),
    ...(answer.lines && { 'application/x-ndjson': contentOf(answer.lines.schema, answer.lines.examples) }),
  };
  return described;
}

function contentOf(schema: z.ZodType, examples: Record<string, unknown> = {}): Json {
  const named = Object.entries(examples).map(([name, value]) => [name, { value }] as const);
  return { schema: schemaOf(schema), examples: Object.fromEntries(named) };
}

/** Framing and stray parameters are refused before anything else is looked at. */
const ANY_CALL: readonly ErrorCode[] = [
  'request.invalid_header',
  'request.invalid_query',
  'request.headers_too_large',
];

/** What any call may be refused with, by what it takes and who may make it. */
export function codesOf(spec: OperationSpec): ErrorCode[] {
  const codes: ErrorCode[] = [...(spec.errors ?? []), ...ANY_CALL];
  if (spec.body) codes.push('request.invalid_body', 'request.malformed_json', 'request.body_too_large');
  if (spec.body) codes.push('request.unsupported_media_type', 'request.timeout');
  if (spec.params) codes.push('request.invalid_path');
  if (spec.idempotent) codes.push('request.idempotency_mismatch');
  if (spec.idempotent && spec.idempotent.keeps !== false) codes.push('request.in_progress');
  if (spec.access === 'public') return [...new Set(codes)];
  codes.push('limit.rate_exceeded');
  codes.push('identity.unauthenticated', 'service.stopping', 'internal.unexpected');
  if (spec.access === 'admin' && roleOf(spec) === 'full') codes.push('identity.role_missing');
  if (spec.access !== 'admin') codes.push('identity.scope_missing', 'store.unavailable');
  if (spec.access !== 'admin' && (!spec.evenSuspended || spec.orAccess)) codes.push('tenant.suspended');
  return [...new Set(codes)];
}

function refusalsOf(spec: OperationSpec): Json {
  const byStatus = Map.groupBy(codesOf(spec).sort(), (code) => ERRORS[code].status);
  for (const status of Object.keys(spec.answers)) byStatus.delete(Number(status));
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => [status, refusal(codes)]),
  );
}

function refusal(codes: ErrorCode[]): Json {
  const status = codes[0] === undefined ? 500 : ERRORS[codes[0]].status;
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${code}` }] as const);
  const retry = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } };
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    ...(status === 503 || status === 429 ? { headers: retry } : {}),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(examples),
      },
    },
  };
}

function componentExamples(operations: readonly OperationSpec[]): Json {
  const codes = new Set(operations.flatMap(codesOf));
  return Object.fromEntries([...codes].sort().map((code) => [code, { value: exampleProblem(code) }]));
}

function exampleProblem(code: ErrorCode): Json {
  const { status, title } = ERRORS[code];
  const type = `urn:incumbent:error:${code}`;
  return { type, title, status, detail: 'What to do next.', code, requestId: 'req_4k2m9x7w1q3r0000a1' };
}

/** The schema of a part; those with an id become a reference to the component of that name. */
function schemaOf(schema: z.ZodType): Json {
  const id = schema.meta()?.id;
  if (id !== undefined) return { $ref: `#/components/schemas/${id}` };
  return withReferences(z.toJSONSchema(schema, { ...conversion, reused: 'inline' }));
}

/** Schemas of requests and answers as they travel: `input` is what is on the wire. */
const conversion = {
  target: 'draft-2020-12',
  io: 'input',
  unrepresentable: 'any',
  override({ zodSchema, jsonSchema }) {
    const wire = z.globalRegistry.get(zodSchema)?.['wire'];
    delete jsonSchema['wire'];
    // Bounds that every integer of JavaScript has say nothing.
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (wire === undefined) return;
    for (const key of ['type', 'pattern', 'allOf'] as const) delete jsonSchema[key];
    Object.assign(jsonSchema, wire);
  },
} as const satisfies Parameters<typeof z.toJSONSchema>[1];

function componentSchemas(): Json {
  // Named here so that they are registered whatever the operations use.
  void [problem, fieldError];
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    ...conversion,
    uri: (id) => `#/components/schemas/${id}`,
  });
  const clean = Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => [id, schema] as const);
  return sortedByKey(Object.fromEntries(clean));
}

/** A schema converted by itself carries its named parts along as $defs; the document has them as components. */
function withReferences(converted: object): Json {
  const { $schema, $defs, ...schema } = JSON.parse(
    JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as Json;
  return schema;
}

function sortedByKey<T>(values: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
