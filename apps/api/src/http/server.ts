import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IncumbentError } from '#core';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { AccessLog } from './access-log.js';
import type { Call, CallFactory } from './call.js';
import type { RateGate } from '../limits/rate-gate.js';
import type { Drain } from './drain.js';
import { type Gate, MOST_HEADERS } from './gate.js';
import { parseJson } from './json.js';
import type { ProblemFilter } from './problem.filter.js';
import { problemHeaders, toProblem } from './problem.js';
import type { RouteTable } from './route-table.js';
import { mayUpgrade, routeUpgrades } from './upgrade.js';

const MOST_BODY_BYTES = 16 * 1_024;
const MOST_HEADER_BYTES = 16 * 1_024;
/** The longest path parameter of the contract is a candidate name or cursor; Fastify's own limit is 100. */
const LONGEST_PARAM = 512;
/** Fastify waits for ever on a slow body and 79 s on slow headers unless told otherwise. */
const REQUEST_TIMEOUT_MS = 5_000;
const HEADERS_TIMEOUT_MS = 4_000;
const SLOW_CHECK_INTERVAL_MS = 1_000;
/** Longer than the 60 s of common load balancers: they, not we, must be the one to close an idle connection. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

export interface Edge {
  trustedProxies: readonly string[];
  calls: CallFactory;
  gate: Gate;
  rates: RateGate;
  drain: Drain;
  routes: RouteTable;
  filter: ProblemFilter;
  accessLog: AccessLog;
}

/** Fastify, hardened: every bound on time and size that a stranger's request meets is set here. */
export function createServer(edge: Edge): FastifyAdapter {
  const adapter = new FastifyAdapter({
    logger: false,
    trustProxy: edge.trustedProxies.length > 0 ? [...edge.trustedProxies] : false,
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: SLOW_CHECK_INTERVAL_MS,
      maxHeaderSize: MOST_HEADER_BYTES,
      // Node would answer by itself, without a problem; the gate demands exactly one.
      requireHostHeader: false,
      shouldUpgradeCallback: mayUpgrade,
    },
    exposeHeadRoutes: false,
    // The gate refuses with a problem that may be relied on; Fastify would answer with a body of its own.
    return503OnClosing: false,
    routerOptions: { maxParamLength: LONGEST_PARAM },
    genReqId: (raw: IncomingMessage) => edge.calls.requestId(raw.headers['x-request-id']),
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, edge.calls),
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      edge.filter.answer(error, request, reply),
  });
  const server = adapter.getInstance();
  server.server.maxHeadersCount = MOST_HEADERS + 1;
  addHooks(adapter, edge);
  routeUpgrades(server);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJson(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  return adapter;
}

function addHooks(adapter: FastifyAdapter, edge: Edge): void {
  const server = adapter.getInstance();
  edge.routes.watch(server);
  // Only fixes the shape of request objects; the hook below sets the value before anybody reads it.
  server.decorateRequest('call', undefined as unknown as Call);
  server.addHook('onRequest', (request, reply, done) => {
    request.call = edge.calls.open(request);
    void reply.header('x-request-id', request.id);
    const { trace } = request.call;
    if (trace) void reply.header('traceparent', trace.traceparent);
    const policy = request.routeOptions.config.policy;
    if (policy?.deprecation) void reply.headers(policy.deprecation);
    let refusal: unknown;
    try {
      if (policy?.access !== 'public') {
        if (edge.drain.isStopping) refuseStopping(edge.drain, reply);
        void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
      }
      edge.gate.admit(request);
    } catch (error) {
      refusal = error;
    }
    done(edge.rates.judge(request, reply, refusal) as Error | undefined);
  });
  server.addHook('onResponse', (request, reply, done) => {
    edge.accessLog.answered(request, reply);
    done();
  });
}

function refuseStopping(drain: Drain, reply: FastifyReply): void {
  void reply.header('connection', 'close');
  drain.admit();
}

/** Answers what Node's parser refused; there is no request object then, only a socket. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket, calls: CallFactory): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const problem = toProblem(refusalOf(error.code), calls.requestId(undefined));
    const body = JSON.stringify(problem);
    const headers = Object.entries({
      ...problemHeaders(problem),
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': problem.requestId,
      connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${headers.join('')}\r\n${body}`,
    );
  }
  socket.destroySoon();
}

function refusalOf(code: string | undefined): IncumbentError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new IncumbentError('request.timeout', 'Send the whole request within 5 seconds.', {
      executed: false,
    });
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new IncumbentError('request.headers_too_large', 'Headers may hold at most 16 kB in 64 fields.');
  }
  return new IncumbentError('request.invalid_header', 'The request is not well-formed HTTP/1.1.');
}
