import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service, type Tenant } from '../service.js';
import {
  CANARY,
  type Collection,
  collectionOf,
  makeSubjects,
  type Route,
  type Subject,
  tenantRoutes,
} from './subjects.js';

let service: Service;
let owner: Tenant;
let intruder: Tenant;
let subjects: Record<Collection, Subject>;
let standing: Record<string, unknown>;

beforeAll(async () => {
  service = await Service.start();
  [owner, intruder] = [await service.tenant(), await service.tenant()];
  subjects = await makeSubjects(owner.caller);
  const body = { candidate: CANARY, address: CANARY, metadata: { CANARY } };
  standing = (await owner.caller.campaign(subjects['/v1/elections'].owned, body)).body;
}, 60_000);

afterAll(() => service?.stop());

const routes = tenantRoutes();
const routesOfThings = routes.filter(({ path }) => path.includes('{'));
/** It has no end that could be waited for. */
const STREAM = '/v1/events';
/** Answers nothing: it becomes a WebSocket. */
const SOCKET = '/v1/sessions/connect';
const lists = routes.filter(
  ({ method, path }) => method === 'GET' && !path.includes('{') && path !== STREAM && path !== SOCKET,
);

/** Bodies that would work, for whoever owns the thing: one that does not fit would be refused with 400. */
function bodyFor({ method, path }: Route): unknown {
  const { session, candidateId } = standing;
  if (path.endsWith('/campaign')) return { candidate: 'intruder' };
  if (path.endsWith('/renew')) return { session };
  if (path.endsWith('/resign')) return { session, candidateId };
  if (path.endsWith('/step-down')) return { session, candidateId };
  if (path.endsWith('/transfer')) return { mode: 'graceful', to: CANARY, expectedTerm: 1 };
  if (path.endsWith('/depose')) return { mode: 'immediate', expectedTerm: 1 };
  if (path.endsWith('/candidates/{candidate}') && method === 'PATCH') return { priority: 1 };
  if (path.endsWith('/recover')) return { since: new Date(Date.now() - 60_000).toISOString() };
  if (method === 'PATCH')
    return path.startsWith('/v1/elections') ? { state: 'paused' } : { status: 'paused' };
  return method === 'POST' ? {} : undefined;
}

async function ask(caller: Caller, route: Route, name: string): Promise<Answer> {
  const body = bodyFor(route);
  const query = route.path.endsWith('/check') ? '?candidate=intruder' : '';
  const path = route.path
    .replace('{candidate}', CANARY)
    .replace(/(?<=hand-overs\/)\{id\}/, 'hov_000000000000000000000000')
    .replace(/\{\w+\}/, name);
  return await caller.send(route.method, path + query, {
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
}

/** What differs from call to call for everybody: the request's own id, the time, what is left of one's own rate. */
const OWN_HEADERS = new Set(['x-request-id', 'date', 'ratelimit']);

/** What an onlooker can compare. */
function visible(answer: Answer): unknown {
  const { requestId: _, ...body } = answer.body;
  return {
    status: answer.status,
    headers: [...answer.headers].filter(([name]) => !OWN_HEADERS.has(name)),
    body,
  };
}

describe("another tenant's thing", () => {
  it('is known to this test for every call that names one', () => {
    expect(routesOfThings.filter((route) => collectionOf(route) === undefined)).toEqual([]);
    expect(routesOfThings.length).toBeGreaterThanOrEqual(20);
  });

  it.each(routesOfThings)('looks absent to $method $path', async (route) => {
    const subject = subjects[collectionOf(route) ?? '/v1/elections'];
    const hidden = await ask(intruder.caller, route, subject.owned);
    const absent = await ask(intruder.caller, route, subject.absent);
    expect(visible(hidden)).toEqual(visible(absent));
    expect(hidden.status).toBe(404);
    expect(hidden.text).not.toContain('ten_');
  });

  it.each(lists)('is not in the answer to $method $path', async ({ path }) => {
    const answer = await intruder.caller.get(path);
    expect(answer.status).toBe(200);
    for (const trace of [CANARY, owner.id, ...Object.values(subjects).map(({ owned }) => owned)])
      expect(answer.text).not.toContain(trace);
  });

  it(`is not in what ${STREAM} tells, now or when it changes`, async () => {
    const bystander = await service.tenant();
    const reader = await EventReader.openAt(bystander.caller, STREAM);
    const { body } = await owner.caller.campaign(subjects['/v1/elections'].owned, { candidate: 'second' });
    await owner.caller.resign(subjects['/v1/elections'].owned, body);
    const own = await bystander.caller.election();
    await bystander.caller.campaign(own, { candidate: 'own' });
    const seen = await reader.until(2);
    reader.close();
    expect(seen.map(({ event }) => event)).toEqual(['snapshot', 'leadership.acquired']);
    expect(seen[0]?.data['elections']).toEqual([]);
    expect(seen[1]?.data['election']).toBe(own);
  });

  it('is counted in no usage and no metric of theirs', async () => {
    const { body } = await intruder.caller.get('/v1/usage');
    expect(body).toMatchObject({
      tenantId: intruder.id,
      quotas: {
        maxElections: { used: 0 },
        maxWebhookEndpoints: { used: 0 },
        maxSessions: { used: 0 },
        maxCandidatesPerElection: { used: 0 },
      },
    });
    expect((await service.stranger.get('/metrics')).text).not.toContain(CANARY);
  });

  it('may have the same names as theirs throughout, with a life of its own', async () => {
    const election = await intruder.caller.election({ name: subjects['/v1/elections'].owned });
    const headers = { 'idempotency-key': CANARY };
    await owner.caller.post('/v1/api-keys', { name: CANARY }, headers);
    const key = await intruder.caller.post('/v1/api-keys', { name: CANARY }, headers);
    expect(key.headers.get('idempotent-replayed')).toBeNull();
    const { body } = await intruder.caller.campaign(election, { candidate: CANARY }, headers);
    expect(body).toMatchObject({ state: 'leader', term: 1 });
    expect(body['candidateId']).not.toBe(standing['candidateId']);
    const renewed = await intruder.caller.renew(election, standing['session']);
    expect([renewed.status, renewed.body['code']]).toEqual([404, 'session.unknown']);
    await intruder.caller.delete(`/v1/elections/${election}`);
  });

  it('has not been touched by any of it', async () => {
    const election = subjects['/v1/elections'].owned;
    const { body } = await owner.caller.get(`/v1/elections/${election}/status`);
    expect(body).toMatchObject({ state: 'open', candidateCount: 1, term: 1, leader: { candidate: CANARY } });
    const renewed = await owner.caller.renew(election, standing['session']);
    expect(renewed.body).toMatchObject({ state: 'leader', term: 1 });
    const endpoint = subjects['/v1/webhook-endpoints'].owned;
    expect((await owner.caller.get(`/v1/webhook-endpoints/${endpoint}`)).body['status']).toBe('active');
    const key = subjects['/v1/api-keys'].owned;
    expect((await owner.caller.get(`/v1/api-keys/${key}`)).status).toBe(200);
  });
});
