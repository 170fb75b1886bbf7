import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Claim, type IdempotentCall, IdempotentRequests } from '#tenancy';
import { type Scene, codeOf, newScene } from './scene.js';

let scene: Scene;
let requests: IdempotentRequests;
beforeAll(async () => {
  scene = await newScene();
  requests = new IdempotentRequests(scene.database);
});
afterAll(() => scene.end());

let counter = 0;
const newCall = (over: Partial<IdempotentCall> = {}): IdempotentCall => ({
  tenantId: 'ten_a',
  operation: 'POST /v1/things',
  key: `key-${(counter += 1)}`,
  fingerprint: 'f',
  ...over,
});

async function run(call: IdempotentCall): Promise<Claim> {
  const claimed = await requests.claim(call);
  if (claimed.kind !== 'run') throw new Error('answered already');
  return claimed.claim;
}

const answer = { status: 201, headers: { location: '/x' }, body: { id: 'x' } };

/** The process that carries it out has died a while ago. */
const lapse = (key: string): Promise<unknown> =>
  scene.fresh.ask(
    `UPDATE idempotent_requests SET lapses_at = now() - interval '1 second' WHERE key = '${key}'`,
  );
const age = (key: string): Promise<unknown> =>
  scene.fresh.ask(
    `UPDATE idempotent_requests SET created_at = now() - interval '25 hours' WHERE key = '${key}'`,
  );

describe('idempotent requests', () => {
  it('let one of many carry a call out, and answer the others from what it stored', async () => {
    const call = newCall();
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => run(call)));
    const [first] = tries.filter((one) => one.status === 'fulfilled');
    expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    if (first) await requests.complete(first.value, answer);
    expect(await requests.claim(call)).toEqual({ kind: 'replay', answer });
  });

  it('carry a call out again when its process has died, under the same identity', async () => {
    const call = newCall();
    const dead = await run(call);
    expect(await codeOf(requests.claim(call))).toBe('request.in_progress');
    await lapse(call.key);
    const heir = await run(call);
    expect(heir.requestId).toBe(dead.requestId);
    // The dead one was only slow: its answer does not count any more.
    expect(await codeOf(requests.complete(dead, answer))).toBe('request.in_progress');
    await requests.release(dead);
    await requests.complete(heir, answer);
    expect(await requests.claim(call)).toEqual({ kind: 'replay', answer });
  });

  it('let a call whose outcome nobody knows be carried out again at once', async () => {
    const call = newCall();
    const first = await run(call);
    await requests.abandon(first);
    expect((await run(call)).requestId).toBe(first.requestId);
  });

  it('free the key of a call that was refused, and give it a new identity', async () => {
    const call = newCall();
    const refused = await run(call);
    await requests.release(refused);
    expect((await run({ ...call, fingerprint: 'g' })).requestId).not.toBe(refused.requestId);
  });

  it('refuse a key that came with something else, also after its process has died', async () => {
    const call = newCall();
    await run(call);
    await lapse(call.key);
    expect(await codeOf(requests.claim({ ...call, fingerprint: 'g' }))).toBe('request.idempotency_mismatch');
  });

  it('forget after a day', async () => {
    const [used, gone] = [newCall(), newCall()];
    const first = await run(used);
    await requests.complete(first, answer);
    await run(gone);
    await age(used.key);
    await age(gone.key);
    expect((await run({ ...used, fingerprint: 'g' })).requestId).not.toBe(first.requestId);
    expect(await requests.forget(10)).toBe(1);
    expect(await requests.forget(10)).toBe(0);
  });

  it('keep tenants and operators apart', async () => {
    const call = newCall();
    const claims = await Promise.all([
      run(call),
      run({ ...call, tenantId: 'ten_b' }),
      run({ ...call, tenantId: undefined }),
      run({ ...call, operation: 'POST /v1/others' }),
    ]);
    expect(new Set(claims.map(({ requestId }) => requestId)).size).toBe(4);
  });
});

describe('what is made under the identity of a call', () => {
  const caused = { actor: { type: 'admin_token' as const, id: 'test' }, context: {} };

  it('is made once: a tenant', async () => {
    const wanted = { name: 'Once', id: 'ten_once' };
    const first = await scene.tenants.create(wanted, caused);
    expect(await scene.tenants.create(wanted, caused)).toEqual(first);
  });

  it('is made once: a key, whose secret is another one as long as nobody was told it', async () => {
    const { id } = await scene.tenants.create({ name: 'Keys', quota: { maxApiKeys: 1 } }, caused);
    const wanted = { name: 'one', id: 'key_000000000000000000000000' };
    const lost = await scene.apiKeys.create(id, wanted, caused);
    const told = await scene.apiKeys.create(id, wanted, caused);
    expect(told.id).toBe(lost.id);
    expect(() => scene.authenticator.authenticate(`Bearer ${lost.key}`)).toThrow(/Send "Authorization/);
    expect(scene.authenticator.authenticate(`Bearer ${told.key}`).tenantId).toBe(id);
    expect((await scene.apiKeys.list({ tenantId: id }, { limit: 10 })).data).toHaveLength(1);
    await scene.apiKeys.revoke({ tenantId: id }, told.id, caused);
    await scene.apiKeys.create(id, wanted, caused);
    const acts = await scene.fresh.ask<{ action: string }>(
      'SELECT action FROM audit_events WHERE target_ids @> ARRAY[$1::text] ORDER BY sequence',
      [told.id],
    );
    expect(acts.map(({ action }) => action)).toEqual([
      'api_key.created',
      'api_key.revoked',
      'api_key.created',
    ]);
  });
});
