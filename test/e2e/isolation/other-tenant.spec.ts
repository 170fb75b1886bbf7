import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Caller } from '../caller.js';
import { Service, type Tenant } from '../service.js';

let service: Service;
let owner: Tenant;
let intruder: Tenant;
let election: string;
let standing: Record<string, unknown>;

/** Stands in everything that belongs to the owner; must never reach the intruder. */
const CANARY = 'canary-7f3a91';

beforeAll(async () => {
  service = await Service.start();
  [owner, intruder] = [await service.tenant(), await service.tenant()];
  election = await owner.caller.election({ name: `${CANARY}-e`, description: CANARY, ttlMs: 60_000 });
  const body = { candidate: CANARY, address: CANARY, metadata: { CANARY } };
  standing = (await owner.caller.campaign(election, body)).body;
}, 60_000);

afterAll(() => service?.stop());

interface Route {
  method: string;
  path: string;
}

/** Every call that takes an API key, from the very document that customers have. */
function tenantRoutes(): Route[] {
  const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
    paths: Record<string, Record<string, { security: { apiKey?: unknown }[] }>>;
  };
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security.some((one) => 'apiKey' in one))
      .map(([method]) => ({ method: method.toUpperCase(), path })),
  );
}

const routesWithName = tenantRoutes().filter(({ path }) => path.includes('{name}'));

/** Bodies that would work, for whoever owns the election. */
function bodyFor({ method, path }: Route): unknown {
  if (path.endsWith('/campaign')) return { candidate: 'intruder' };
  if (path.endsWith('/renew')) return { session: standing['session'] };
  if (path.endsWith('/resign')) return { session: standing['session'], candidateId: standing['candidateId'] };
  return method === 'PATCH' ? { state: 'paused' } : undefined;
}

async function ask(caller: Caller, route: Route, name: string): Promise<Answer> {
  const body = bodyFor(route);
  return await caller.send(route.method, route.path.replace('{name}', name), {
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
}

/** What an onlooker can compare: all but the request's own id and the time. */
function visible(answer: Answer): unknown {
  const { requestId: _, ...body } = answer.body;
  const headers = [...answer.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
  return { status: answer.status, headers, body };
}

describe("another tenant's election", () => {
  it('is met by every call that names one', () => {
    expect(routesWithName.length).toBeGreaterThanOrEqual(10);
  });

  it.each(routesWithName)('looks absent to $method $path', async (route) => {
    const hidden = await ask(intruder.caller, route, election);
    const absent = await ask(intruder.caller, route, `${CANARY}-x`);
    expect(hidden.status).toBe(404);
    expect(visible(hidden)).toEqual(visible(absent));
    expect(hidden.text).not.toContain('ten_');
  });

  it('is in no list and no metric of theirs', async () => {
    for (const path of ['/v1/elections', '/v1/api-keys']) {
      expect((await intruder.caller.get(path)).text).not.toContain(CANARY);
    }
    expect((await service.stranger.get('/metrics')).text).not.toContain(CANARY);
  });

  it('may have the same name as theirs, with terms of its own', async () => {
    await intruder.caller.election({ name: election });
    const { body } = await intruder.caller.campaign(election, { candidate: CANARY });
    expect(body).toMatchObject({ state: 'leader', term: 1 });
    await intruder.caller.delete(`/v1/elections/${election}`);
  });

  it('has not been touched by any of it', async () => {
    const { body } = await owner.caller.get(`/v1/elections/${election}/status`);
    expect(body).toMatchObject({ state: 'open', candidateCount: 1, term: 1, leader: { candidate: CANARY } });
    const renewed = await owner.caller.renew(election, standing['session']);
    expect(renewed.body).toMatchObject({ state: 'leader', term: 1 });
  });
});
