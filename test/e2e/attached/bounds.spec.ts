import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { z } from 'zod';
import { Service, type Tenant } from '../service.js';
import { AttachedParticipant, refused } from './attached-participant.js';

let service: Service;
let tenant: Tenant;
const participants: AttachedParticipant[] = [];

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterEach(() => {
  for (const participant of participants.splice(0)) participant.drop();
});

afterAll(() => service?.stop());

async function attach(key = tenant.caller.key): Promise<AttachedParticipant> {
  const participant = await AttachedParticipant.connect(service.url, { key });
  participants.push(participant);
  return participant;
}

describe('an upgrade', () => {
  it('is refused with a problem to whoever has no valid key, or one that may not campaign', async () => {
    const wrong = await refused(service.url, { key: `${tenant.caller.key?.slice(0, -4)}xxxx` });
    expect([wrong.status, wrong.body['code']]).toEqual([401, 'identity.unauthenticated']);
    expect(wrong.headers['content-type']).toMatch('application/problem+json');
    const nobody = await refused(service.url, {});
    expect([nobody.status, nobody.body['code']]).toEqual([401, 'identity.unauthenticated']);
    const reader = await service.key(tenant.id, { scopes: ['elections:read'] });
    const mayNot = await refused(service.url, { key: reader.caller.key });
    expect([mayNot.status, mayNot.body['code']]).toEqual([403, 'identity.scope_missing']);
  });

  it('has to offer the protocol, and to be one', async () => {
    for (const protocol of ['', 'graphql-ws']) {
      const { status, body } = await refused(service.url, { key: tenant.caller.key, protocol });
      expect([status, body['code']]).toEqual([400, 'request.invalid_header']);
      expect(body['errors']).toMatchObject([{ pointer: 'sec-websocket-protocol' }]);
    }
    const plain = await tenant.caller.get('/v1/sessions/connect');
    expect([plain.status, plain.body['code']]).toEqual([426, 'request.upgrade_required']);
    expect((await tenant.caller.post('/v1/sessions/connect', {})).status).toBe(405);
  });

  it('is an ordinary request everywhere else', async () => {
    const headers = { upgrade: 'h2c', connection: 'Upgrade, HTTP2-Settings', 'http2-settings': '' };
    const socket = await import('node:http');
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    socket
      .get(`${service.url}/health/live`, { headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject);
    expect(await promise).toBe(200);
  });

  it('counts as a stream of the tenant, until its socket is gone', async () => {
    const small = await service.tenant({}, { maxStreams: 1 });
    const first = await attach(small.caller.key);
    const second = await refused(service.url, { key: small.caller.key });
    expect([second.status, second.body['limit']]).toEqual([429, { name: 'maxStreams', value: 1 }]);
    first.drop();
    const again = () => attach(small.caller.key).then(() => true);
    await waitUntil(again, { what: 'a place' });
  });
});

describe('a frame', () => {
  it('that asks for nothing that exists, or with fields that do not fit, is refused alone', async () => {
    const participant = await attach();
    expect(await participant.ask('elect')).toMatchObject({
      ok: false,
      problem: { status: 400, code: 'request.invalid_body', errors: [{ pointer: '/op' }] },
    });
    expect(await participant.ask('campaign', { election: 'x', candidate: '', more: 1 })).toMatchObject({
      problem: {
        code: 'request.invalid_body',
        errors: [{ pointer: '/candidate' }, { pointer: '/more', code: 'unknown_field' }],
      },
    });
    expect(await participant.ask('renew', { session: 'ses_x' })).toMatchObject({
      problem: { code: 'session.unknown' },
    });
    await participant.does('open');
  });

  it.each(['[]', 'null', '3'])('that is no object is told so: %s', async (text) => {
    const participant = await attach();
    participant.socket.send(text);
    const { problem } = (await participant.answerTo(null)) as { problem: Record<string, unknown> };
    expect(problem).toMatchObject({
      code: 'request.invalid_body',
      detail: 'A frame is an object with an id and an op.',
    });
    expect(problem['title']).not.toMatch(/request body/);
  });

  it.each(['{}', '{"id":"","op":"open"}', '{"id":-1,"op":"open"}', '{"id":{},"op":"open"}'])(
    'whose answer nobody could find is refused with a null id: %s',
    async (text) => {
      const participant = await attach();
      participant.socket.send(text);
      expect(await participant.answerTo(null)).toMatchObject({
        ok: false,
        problem: { code: 'request.invalid_body', errors: [{ pointer: '/id' }] },
      });
      await participant.does('open');
    },
  );

  it.each([
    '{"id":',
    'hello',
    '',
    '{"id":"1","id":"2","op":"open"}',
    '{"id":"1","__proto__":{},"op":"open"}',
  ])('that is no JSON, or not one JSON, is refused and closes the socket with 1007: %j', async (text) => {
    const participant = await attach();
    participant.socket.send(text);
    expect(await participant.answerTo(null)).toMatchObject({ problem: { code: 'request.malformed_json' } });
    expect(await participant.untilClosed()).toMatchObject({ code: 1007 });
  });

  it('that is binary closes the socket with 1003', async () => {
    const participant = await attach();
    participant.socket.send(Buffer.from('{"id":"1","op":"open"}'));
    expect(await participant.untilClosed()).toMatchObject({ code: 1003 });
  });

  it('of more than 16 kB closes the socket with 1009, and one of 16 kB does not', async () => {
    const participant = await attach();
    const frame = (bytes: number): string => {
      const empty = JSON.stringify({ id: 'big', op: 'open', more: '' });
      return empty.replace('""}', `"${'x'.repeat(bytes - empty.length)}"}`);
    };
    participant.socket.send(frame(16 * 1024));
    expect(await participant.answerTo('big')).toMatchObject({ problem: { code: 'request.invalid_body' } });
    participant.socket.send(frame(16 * 1024 + 1));
    expect(await participant.untilClosed()).toMatchObject({
      code: 1009,
      reason: 'A frame may hold at most 16 kB.',
    });
  });

  it('beyond a thousand in a second is refused, and whoever goes on is closed with 1008', async () => {
    const rich = await service.tenant({}, { requestsPerSecond: 100_000 });
    const participant = await attach(rich.caller.key);
    const frames = Array.from({ length: 1_000 }, (_, id) => JSON.stringify({ id, op: 'none' }));
    const send = (): void => {
      for (const frame of frames) participant.socket.send(frame);
    };
    const tooMany = () =>
      participant.heard.find(({ frame }) => {
        const { limit } = (frame['problem'] ?? {}) as { limit?: { name: string } };
        return limit?.name === 'framesPerSecond';
      });
    const sending = setInterval(send, 10);
    try {
      const { code } = await participant.untilClosed();
      expect(code).toBe(1008);
    } finally {
      clearInterval(sending);
    }
    expect(tooMany()?.frame).toMatchObject({ ok: false, problem: { status: 429, executed: false } });
  });

  it('is refused while too many on its socket wait for their answers', async () => {
    const [leader, waiter] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    const first = await leader.does('campaign', { election, candidate: 'one', ttlMs: 60_000 });
    const { session } = await waiter.does('campaign', { election, candidate: 'two', ttlMs: 60_000 });
    const held = Array.from({ length: 64 }, () =>
      waiter.does('renew', { election, session, waitMs: 30_000 }),
    );
    expect(await waiter.ask('renew', { session })).toMatchObject({
      problem: { code: 'limit.rate_exceeded', executed: false, limit: { name: 'framesInFlight', value: 64 } },
    });
    await leader.does('resign', { election, session: first['session'], candidateId: first['candidateId'] });
    expect(await Promise.all(held)).toHaveLength(64);
    await waiter.does('renew', { session });
  });

  it('is counted against the rate of its tenant as a request is, and a renewal is not', async () => {
    const slow = await service.tenant({}, { requestsPerSecond: 5 });
    const participant = await attach(slow.caller.key);
    const { session } = await participant.does('open');
    const asked = await Promise.all(Array.from({ length: 20 }, () => participant.ask('open')));
    const limits = asked.flatMap(({ problem }) => ((problem ?? {}) as { limit?: object }).limit ?? []);
    expect(limits).toContainEqual({ name: 'tenant', value: 5 });
    for (let turn = 0; turn < 20; turn += 1) await participant.does('renew', { session });
  });
});

describe('an attached socket', () => {
  it('is closed with 4401 within two seconds when its key is revoked, also if it says nothing', async () => {
    const other = await service.key(tenant.id);
    const participant = await attach(other.caller.key);
    await service.operator.delete(`/admin/v1/tenants/${tenant.id}/api-keys/${other.keyId}`);
    const revokedMs = performance.now();
    expect(await participant.untilClosed()).toMatchObject({ code: 4401 });
    expect(performance.now() - revokedMs).toBeLessThan(2_000);
  });

  it('is granted nothing by an answer that was held while its key was revoked', async () => {
    const other = await service.key(tenant.id);
    const participant = await attach(other.caller.key);
    const election = await tenant.caller.election();
    const leader = await tenant.caller.campaign(election, { candidate: 'one', ttlMs: 60_000 });
    const standing = { election, candidate: 'two', ttlMs: 60_000 };
    const { session } = await participant.does('campaign', standing);
    const held = participant
      .ask('renew', { session, election, waitMs: 20_000 })
      .catch(({ message }: Error) => message);
    await participant.does('renew', { session });
    await service.operator.delete(`/admin/v1/tenants/${tenant.id}/api-keys/${other.keyId}`);
    await tenant.caller.resign(election, leader.body);
    await participant.untilClosed();
    await held;
    const answers = participant.heard.filter(({ frame }) => 'ok' in frame).map(({ frame }) => frame);
    expect(answers.filter((answer) => answer['state'] === 'leader')).toEqual([]);
  });

  it('of a suspended tenant is answered as over HTTP: renewals yield, campaigns are refused', async () => {
    const other = await service.tenant();
    const participant = await attach(other.caller.key);
    const election = await other.caller.election();
    const { session } = await participant.does('campaign', { election, candidate: 'one', ttlMs: 10_000 });
    await service.operator.patch(`/admin/v1/tenants/${other.id}`, { status: 'suspended' });
    expect((await participant.told('yield_requested')).frame).toMatchObject({ reason: 'suspended' });
    expect(await participant.does('renew', { session, election })).toMatchObject({ state: 'yielding' });
    expect(await participant.ask('campaign', { election, candidate: 'one', session })).toMatchObject({
      problem: { status: 403, code: 'tenant.suspended' },
    });
    const again = await attach(other.caller.key);
    expect(await again.does('attach', { session })).toMatchObject({ terms: [{ state: 'yielding' }] });
  });

  it('whose reader is too slow is dropped, and the others go on', async () => {
    const rich = await service.tenant({}, { requestsPerSecond: 100_000 });
    const [slow, quick] = [await attach(rich.caller.key), await attach(rich.caller.key)];
    const election = await rich.caller.election();
    const metadata = { text: 'x'.repeat(2_000) };
    const { session } = await slow.does('campaign', { election, candidate: 'one', metadata, ttlMs: 60_000 });
    const before = await closedWith(1013);
    slow.socket.pause();
    const frame = JSON.stringify({ id: 'again', op: 'campaign', election, candidate: 'one', session });
    const sending = setInterval(() => {
      for (let count = 0; count < 8; count += 1) slow.socket.send(frame);
    }, 10);
    try {
      const dropped = async () => (await closedWith(1013)) > before;
      await waitUntil(dropped, { what: 'the slow reader to be dropped', withinMs: 30_000, everyMs: 200 });
    } finally {
      clearInterval(sending);
    }
    await quick.does('open');
  }, 60_000);
});

describe('the published schema', () => {
  it('admits what the service says, and not what it does not say', async () => {
    const participant = await attach();
    const other = await attach();
    const election = await tenant.caller.election();
    const leader = await other.does('campaign', { election, candidate: 'one', ttlMs: 10_000 });
    const { session } = await participant.does('open', { ttlMs: 1_500 });
    await participant.does('campaign', { election, candidate: 'two', session });
    await participant.ask('nothing');
    await other.does('resign', { election, session: leader['session'], candidateId: leader['candidateId'] });
    await participant.told('elected');
    await participant.does('renew', { session, election });
    await participant.does('attach', { session });
    await tenant.caller.patch(`/v1/elections/${election}`, { state: 'paused' });
    await participant.told('superseded');
    await participant.does('end', { session });
    const schema = z.fromJSONSchema(
      JSON.parse(readFileSync('docs/attached-sessions.schema.json', 'utf8')) as Parameters<
        typeof z.fromJSONSchema
      >[0],
    );
    for (const { frame } of [...participant.heard, ...other.heard])
      expect({ frame, fits: schema.safeParse(frame).success }).toEqual({ frame, fits: true });
    expect(schema.safeParse({ id: '1', op: 'elect' }).success).toBe(false);
    expect(schema.safeParse({ event: 'elected' }).success).toBe(false);
  });
});

/** How many sockets the service has closed with this code. */
async function closedWith(code: number): Promise<number> {
  const { text } = await service.stranger.get('/metrics');
  const line = new RegExp(`^incumbent_attached_closed_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text);
  return Number(line?.[1] ?? 0);
}
