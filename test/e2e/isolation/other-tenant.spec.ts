import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service, type Tenant } from '../service.js';
import { CANARY, type Collection, collectionOf, makeSubjects, type Subject } from './subjects.js';
import { gentlestFirst, type Route, tenantRoutes } from './routes.js';

let service: Service;
let owner: Tenant;
let intruder: Tenant;
let subjects: Record<Collection, Subject>;
let standing: Record<string, unknown>;
let handOver: string;
/** A key of the owner that is bound to elections of another prefix. */
let bound: Caller;
const ELSEWHERE = 'elsewhere-';

beforeAll(async () => {
  service = await Service.start();
  [owner, intruder] = [await service.tenant(), await service.tenant()];
  bound = (await service.key(owner.id, { electionPrefix: ELSEWHERE })).caller;
  subjects = await makeSubjects(owner.caller);
  const election = subjects['/v1/elections'].owned;
  const body = { candidate: CANARY, address: `https://${CANARY}.example`, metadata: { CANARY } };
  standing = (await owner.caller.campaign(election, body)).body;
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const wish = { mode: 'graceful', expectedTerm: 1, at: inAnHour, reason: CANARY };
  handOver = String((await owner.caller.post(`/v1/elections/${election}/step-down`, wish)).body['id']);
  expect(handOver).toMatch(/^hov_/);
}, 60_000);

afterAll(() => service?.stop());

const routes = tenantRoutes();
const routesOfThings = routes.filter(({ path }) => path.includes('{'));
const routesOfElections = routesOfThings.filter((route) => collectionOf(route) === '/v1/elections');
/** They have no end that could be waited for. */
const STREAM = '/v1/events';
const isStream = ({ path }: Route): boolean => path.endsWith('/events');
/** Answers nothing: it becomes a WebSocket, of which `test/e2e/attached` tells. */
const SOCKET = '/v1/sessions/connect';
/** What they are about stands in their bodies. */
const SESSION_CALLS = ['/v1/sessions/renew', '/v1/sessions/end'];
const VALIDATE = '/v1/fencing-tokens/validate';
/** They make what is the caller's own. */
const MAKERS = ['/v1/api-keys', '/v1/elections', '/v1/sessions', '/v1/webhook-endpoints'];
const lists = routes.filter(
  ({ method, path }) => method === 'GET' && !path.includes('{') && path !== STREAM && path !== SOCKET,
);

function isKnown(route: Route): boolean {
  const { method, path } = route;
  if (path.includes('{')) return collectionOf(route) !== undefined;
  if (method === 'GET') return true;
  return method === 'POST' && [...SESSION_CALLS, VALIDATE, ...MAKERS].includes(path);
}

/** Bodies that work for whoever owns the thing; the last test shows that they do. */
function bodyFor({ method, path }: Route): unknown {
  const { session, candidateId } = standing;
  if (path.endsWith('/campaign')) return { candidate: 'intruder' };
  if (path.endsWith('/renew')) return { session };
  if (path.endsWith('/resign')) return { session, candidateId };
  if (path.endsWith('/step-down')) return { session, candidateId };
  if (path.endsWith('/transfer')) return { mode: 'graceful', to: 'second', expectedTerm: 1 };
  if (path.endsWith('/depose')) return { mode: 'immediate', expectedTerm: 1 };
  if (path.endsWith('/candidates/{candidate}') && method === 'PATCH') return { priority: 1 };
  if (path.endsWith('/recover')) return { since: new Date(Date.now() - 60_000).toISOString() };
  if (method === 'PATCH')
    return path.startsWith('/v1/elections') ? { state: 'paused' } : { status: 'paused' };
  return method === 'POST' ? {} : undefined;
}

async function ask(caller: Caller, route: Route, name: string): Promise<Answer> {
  const body = bodyFor(route);
  const query = route.path.endsWith('/check') ? `?candidate=${CANARY}` : '';
  const path = route.path
    .replace('{candidate}', CANARY)
    .replace('{path}', 'jobs/7')
    .replace(/(?<=hand-overs\/)\{id\}/, handOver)
    .replace(/\{\w+\}/, name);
  return await caller.send(route.method, path + query, {
    redirect: 'manual',
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
}

/** What differs from call to call for everybody: the request's own id, the time, what is left of one's own rate. */
const OWN_HEADERS = new Set(['x-request-id', 'date', 'ratelimit']);

/** The same shape, another value. */
function otherText(text: string): string {
  return (text.startsWith('a') ? 'b' : 'a') + text.slice(1);
}

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
  it('is known to this test for every call that there is', () => {
    expect(routes.filter((route) => !isKnown(route))).toEqual([]);
    expect(routesOfThings.length).toBeGreaterThanOrEqual(36);
  });

  it.each(routesOfThings)('looks absent to $method $path', async (route) => {
    const subject = subjects[collectionOf(route) ?? '/v1/elections'];
    const hidden = await ask(intruder.caller, route, subject.owned);
    const absent = await ask(intruder.caller, route, subject.absent);
    expect(visible(hidden)).toEqual(visible(absent));
    expect(hidden.status).toBe(404);
    expect(hidden.text).not.toContain('ten_');
  });

  it.each(routesOfElections)('looks absent to $method $path with a key of elsewhere', async (route) => {
    const hidden = await ask(bound, route, subjects['/v1/elections'].owned);
    const absent = await ask(bound, route, `${ELSEWHERE}x`);
    expect(visible(hidden)).toEqual(visible(absent));
    expect(hidden.status).toBe(404);
  });

  it.each(SESSION_CALLS)('looks forged to POST %s', async (path) => {
    const session = String(standing['session']);
    const hidden = await intruder.caller.post(path, { session });
    const forged = await intruder.caller.post(path, { session: otherText(session) });
    expect(visible(hidden)).toEqual(visible(forged));
    expect([hidden.status, hidden.body['code']]).toEqual([404, 'session.unknown']);
  });

  it(`is not what POST ${VALIDATE} tells of`, async () => {
    const token = standing['fencingToken'];
    expect((await owner.caller.post(VALIDATE, { token })).body).toMatchObject({ valid: true });
    const { body } = await intruder.caller.post(VALIDATE, { token });
    expect(body).toEqual({ valid: false, reason: 'unknown_election' });
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
    const { session, candidateId } = standing;
    for (const [call, own] of Object.entries({
      renew: { session },
      resign: { session, candidateId },
      'step-down': { session, candidateId },
      campaign: { session, candidate: 'intruder' },
    })) {
      const refused = await intruder.caller.post(`/v1/elections/${election}/${call}`, own);
      expect([call, refused.status, refused.body['code']]).toEqual([call, 404, 'session.unknown']);
    }
    const foreign = await intruder.caller.get(`/v1/elections/${election}/hand-overs/${handOver}`);
    expect(foreign.status).toBe(404);
    expect((await intruder.caller.get(`/v1/elections/${election}/hand-overs`)).body['data']).toEqual([]);
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
    const planned = await owner.caller.get(`/v1/elections/${election}/hand-overs/${handOver}`);
    expect(planned.body).toMatchObject({ state: 'scheduled' });
  });

  it('is there for its owner with each of those calls', async () => {
    const refused: unknown[] = [];
    for (const route of gentlestFirst(routesOfThings.filter((one) => !isStream(one)))) {
      const { status, text } = await ask(
        owner.caller,
        route,
        subjects[collectionOf(route) ?? '/v1/elections'].owned,
      );
      if (status >= 400 && status !== 409) refused.push({ ...route, status, text });
    }
    expect(refused).toEqual([]);
  });
});
