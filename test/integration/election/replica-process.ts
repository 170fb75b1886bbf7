/**
 * One replica in a process of its own, to be frozen: `node replica-process.ts <port> <etcd url> <prefix> <processId>`.
 * It answers `POST /{verb}` with what the engine answers, so that requests wait in its sockets while it stands still.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { IncumbentError, systemClock } from '#core';
import { type CampaignRequest, type RenewRequest, Replica, type ResignRequest, type Target } from '#election';
import { EtcdElectionStore } from '#etcd';

const [, , port = '', etcdUrl = '', prefix = '', processId = '', secret = ''] = process.argv;

const store = await EtcdElectionStore.open({
  endpoints: [etcdUrl],
  prefix,
  processId,
  databaseLimitBytes: 1_000_000_000,
});
const replica = await Replica.start({
  store,
  clock: systemClock,
  processId,
  secret: Buffer.from(secret, 'hex'),
});

async function answer(
  verb: string,
  request: CampaignRequest & RenewRequest & ResignRequest & Target,
): Promise<unknown> {
  const receivedAtMs = systemClock.monotonicMs();
  const bounds = { receivedAtMs, deadlineMs: receivedAtMs + 2_000 };
  if (verb === 'campaign') return await replica.elections.campaign(request, bounds);
  if (verb === 'renew') return await replica.elections.renew(request, bounds);
  if (verb === 'resign') return await replica.elections.resign(request, bounds);
  if (verb === 'leader') return await replica.elections.leader(request, bounds);
  return { ready: replica.ready() };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const verb = request.url?.slice(1) ?? '';
  const body = (await json(request)) as CampaignRequest & RenewRequest & ResignRequest;
  const told = await answer(verb, body).catch((error: unknown) => ({
    code: error instanceof IncumbentError ? error.code : String(error),
  }));
  response.end(JSON.stringify(told));
}

createServer((request, response) => {
  serve(request, response).catch((error: unknown) =>
    response.destroy(error instanceof Error ? error : undefined),
  );
}).listen(Number(port), '127.0.0.1');
