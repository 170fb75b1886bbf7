import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

const KEYS = '/admin/v1/signing-keys';

let service: Service;
let beside: Service;
let operator: Caller;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  beside = await Service.start({ beside: service });
  operator = service.operator;
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(async () => {
  await service?.stop();
  await beside?.stop();
});

interface Key {
  kid: string;
  state: string;
  usableFrom?: string;
  createdAt: string;
  expiresAt?: string;
}

const keysOf = (body: Record<string, unknown>): Key[] => body['data'] as Key[];
const kidIn = (keys: Key[], state: string): string => keys.find((key) => key.state === state)?.kid ?? '';
const published = async (): Promise<string[]> =>
  ((await service.stranger.get('/.well-known/jwks.json')).body['keys'] as { kid: string }[]).map(
    ({ kid }) => kid,
  );
const validate = async (token: string, by = caller) =>
  (await by.post('/v1/fencing-tokens/validate', { token })).body;

async function newToken(): Promise<string> {
  const { body } = await caller.campaign(await caller.election(), { candidate: 'one' });
  return String(body['fencingToken']);
}

describe('the signing keys', () => {
  it('are rotated in two steps: published first, used only after 30 minutes', async () => {
    const [active] = keysOf((await operator.get(KEYS)).body);
    expect(active).toMatchObject({ state: 'active', algorithm: 'ES256' });
    const first = await operator.post(`${KEYS}/rotate`, {});
    expect([first.status, first.body['outcome']]).toEqual([200, 'prepared']);
    const next = keysOf(first.body).find((key) => key.state === 'next');
    expect(Date.parse(next?.usableFrom ?? '') - Date.parse(next?.createdAt ?? '')).toBe(30 * 60_000);
    expect((await published()).sort()).toEqual([active?.kid, next?.kid].sort());
    const again = await operator.post(`${KEYS}/rotate`, {});
    expect(again.body).toMatchObject({ outcome: 'waiting' });
    expect(keysOf(again.body)).toEqual(keysOf(first.body));
    expect(decodeProtectedHeader(await newToken()).kid).toBe(active?.kid);
    expect(first.text + (await operator.get(KEYS)).text).not.toMatch(/"d"|sealed/);
  });

  it('rotate at once in an emergency, which says what that means; old tokens stay good for their life', async () => {
    const before = kidIn(keysOf((await operator.get(KEYS)).body), 'active');
    const token = await newToken();
    const rotated = await operator.post(`${KEYS}/rotate`, { emergency: true });
    expect(rotated.body).toMatchObject({ outcome: 'promoted', notice: expect.stringMatching(/verifiers/i) });
    const keys = keysOf(rotated.body);
    expect(keys.find((key) => key.kid === before)).toMatchObject({
      state: 'retired',
      expiresAt: expect.any(String),
    });
    expect(decodeProtectedHeader(await newToken()).kid).toBe(kidIn(keys, 'active'));
    expect(await published()).toContain(before);
    expect(await validate(token)).toMatchObject({ valid: true });
    expect(await validate(token, caller.with({ url: beside.url }))).toMatchObject({ valid: true });
  });

  it('are not removed while they sign; a retired one is, and its tokens are void on every replica', async () => {
    const token = await newToken();
    const active = kidIn(keysOf((await operator.get(KEYS)).body), 'active');
    const refused = await operator.delete(`${KEYS}/${active}`);
    expect([refused.status, refused.body['code']]).toEqual([409, 'signing_key.in_use']);
    expect(await validate(token)).toMatchObject({ valid: true });
    await operator.post(`${KEYS}/rotate`, { emergency: true });
    expect((await operator.delete(`${KEYS}/${active}`)).status).toBe(204);
    expect(await validate(token)).toEqual({ valid: false, reason: 'bad_signature' });
    expect(await published()).not.toContain(active);
    const elsewhere = caller.with({ url: beside.url });
    await waitUntil(async () => (await validate(token, elsewhere))['valid'] === false, {
      what: 'the other replica to refuse it',
      withinMs: 20_000,
    });
    const gone = await operator.delete(`${KEYS}/${active}`);
    expect([gone.status, gone.body['code']]).toEqual([404, 'signing_key.not_found']);
  }, 40_000);

  it('refuse what they do not understand, and change nothing', async () => {
    const before = (await operator.get(KEYS)).body;
    const answers = [
      await operator.post(`${KEYS}/rotate`, { emergency: 'yes' }),
      await operator.post(`${KEYS}/rotate`, { force: true }),
      await operator.delete(`${KEYS}/short`),
    ];
    expect(answers.map(({ status, body }) => [status, body['code']])).toEqual([
      [400, 'request.invalid_body'],
      [400, 'request.invalid_body'],
      [400, 'request.invalid_path'],
    ]);
    expect((await operator.get(KEYS)).body).toEqual(before);
  });

  it('leave a record of who rotated and removed', async () => {
    const { body } = await operator.get('/admin/v1/audit-events?limit=100');
    const actions = (body['data'] as { action: string; actor: { id: string } }[]).filter(({ action }) =>
      action.startsWith('signing_key.'),
    );
    expect(new Set(actions.map(({ action }) => action))).toEqual(
      new Set(['signing_key.prepared', 'signing_key.promoted', 'signing_key.removed']),
    );
    expect(actions.every(({ actor }) => actor.id === 'environment')).toBe(true);
  });
});
