/**
 * The phone gateway: the resource that must not be used twice. It places calls and keeps the list of them.
 *
 * Fenced, it takes a call only with a fence at least as high as every fence it has seen, and hands out its list
 * only under a fence too. So once a new leader has read the list, no call of an earlier leader can be added to it:
 * whoever was called is on the list, and nobody on the list is called again.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FenceGuard, StaleFence } from '#sdk';
import { type GatewayOrders, report } from './messages.js';

export interface PlacedCall {
  readonly customer: string;
  readonly dialer: string;
  readonly fence: number | null;
}

export interface GatewayReport {
  readonly calls: readonly PlacedCall[];
  readonly refused: readonly PlacedCall[];
}

const calls: PlacedCall[] = [];
const refused: PlacedCall[] = [];
const guard = new FenceGuard();
let fenced = true;

async function readJson(request: IncomingMessage): Promise<PlacedCall> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as PlacedCall;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function place(response: ServerResponse, call: PlacedCall): void {
  try {
    if (fenced) guard.accept(call.fence ?? -1);
    calls.push(call);
    answer(response, 201, { placed: call.customer });
  } catch (error) {
    if (!(error instanceof StaleFence)) throw error;
    refused.push(call);
    answer(response, 409, { highest: error.highest });
  }
}

function list(response: ServerResponse, fence: number): void {
  try {
    if (fenced) guard.accept(fence);
    answer(response, 200, { called: calls.map(({ customer }) => customer) });
  } catch (error) {
    if (!(error instanceof StaleFence)) throw error;
    answer(response, 409, { highest: error.highest });
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://gateway');
  if (request.method === 'POST' && url.pathname === '/calls') return place(response, await readJson(request));
  if (url.pathname === '/calls') return list(response, Number(url.searchParams.get('fence') ?? -1));
  if (url.pathname === '/report') return answer(response, 200, { calls, refused } satisfies GatewayReport);
  return answer(response, 404, {});
}

const server = createServer((request, response) => {
  serve(request, response).catch(() => answer(response, 500, {}));
});
// Longer than the demo: a dialer that was frozen finds its connection as it left it.
server.keepAliveTimeout = 120_000;

process.once('message', (orders: GatewayOrders) => {
  fenced = orders.fenced;
  server.listen(0, '127.0.0.1', () => {
    report({ kind: 'listening', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
});
process.once('disconnect', () => process.exit());
// Ctrl-C reaches the whole terminal; the director ends its processes itself, by letting go of them.
process.on('SIGINT', () => undefined);
