import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose';
import { generateKeyPairSync } from 'node:crypto';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;
let tenantId: string;

beforeAll(async () => {
  service = await Service.start();
  ({ caller, id: tenantId } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

const validate = async (token: unknown, by = caller) =>
  await by.post('/v1/fencing-tokens/validate', { token });

async function leading(candidate = 'one') {
  const election = await caller.election();
  const { body } = await caller.campaign(election, { candidate });
  return { election, standing: body, token: String(body['fencingToken']) };
}

describe('a fencing token', () => {
  it('verifies against the published keys and says whose term it is', async () => {
    const { election, standing, token } = await leading();
    const keys = (await service.stranger.get('/.well-known/jwks.json')).body;
    const verified = await jwtVerify(token, createLocalJWKSet(keys as never), { algorithms: ['ES256'] });
    expect(verified.payload).toMatchObject({ sub: 'one', tenant: tenantId, election, seat: 0, epoch: 0 });
    expect(verified.payload).toMatchObject({ term: standing['term'], fence: standing['fence'] });
    expect(Number(verified.payload.exp)).toBeGreaterThan(Number(verified.payload.iat));
  });

  it('is called valid while its term is the current one, and superseded after', async () => {
    const { election, standing, token } = await leading();
    const valid = await validate(token);
    expect(valid.status).toBe(200);
    expect(valid.body).toMatchObject({
      valid: true,
      election,
      candidate: 'one',
      seat: 0,
      term: 1,
      fence: 1,
      currentFence: 1,
    });
    await caller.campaign(election, { candidate: 'two' });
    await caller.resign(election, standing);
    const superseded = { valid: false, reason: 'superseded', fence: 1, currentFence: 2 };
    expect((await validate(token)).body).toMatchObject(superseded);
  });

  it('is called superseded by every replica the moment that a successor may know', async () => {
    const beside = await Service.start({ beside: service });
    try {
      const { election, standing, token } = await leading();
      const { body: second } = await caller.campaign(election, { candidate: 'two' });
      await caller.resign(election, standing);
      const { body } = await validate(token, caller.with({ url: beside.url }));
      expect(body).toMatchObject({ valid: false, reason: 'superseded' });
      const promoted = await caller.with({ url: beside.url }).renew(election, second['session']);
      expect((await validate(promoted.body['fencingToken'])).body).toMatchObject({ valid: true, fence: 2 });
    } finally {
      await beside.stop();
    }
  }, 40_000);

  it('of another tenant is an unknown election, and nothing of it is told', async () => {
    const { token } = await leading();
    const other = await service.tenant();
    expect((await validate(token, other.caller)).body).toEqual({ valid: false, reason: 'unknown_election' });
  });

  it("outside the key's prefix is an unknown election", async () => {
    const { token } = await leading();
    const bound = await service.key(tenantId, { electionPrefix: 'nothing-' });
    expect((await validate(token, bound.caller)).body).toEqual({ valid: false, reason: 'unknown_election' });
  });

  it('that was changed, or signed by someone else, has a bad signature', async () => {
    const { token } = await leading();
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const raised = Buffer.from(JSON.stringify({ ...claims, fence: 999 })).toString('base64url');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: string };
    const forged = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
    for (const bad of [`${head}.${raised}.${signature}`, forged]) {
      expect((await validate(bad)).body).toEqual({ valid: false, reason: 'bad_signature' });
    }
  });

  it.each(['x', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', `${'a'.repeat(8_000)}`])(
    'that is none is malformed (%#)',
    async (token) => {
      const { status, body } = await validate(token);
      expect([status, body]).toEqual([200, { valid: false, reason: 'malformed' }]);
    },
  );

  it('without a signature, or under another algorithm, is not believed', async () => {
    const { token } = await leading();
    const [head = '', body = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>;
    const none = Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url');
    const symmetric = Buffer.from(JSON.stringify({ ...header, alg: 'HS256' })).toString('base64url');
    for (const bad of [`${none}.${body}.`, `${symmetric}.${body}.AAAA`]) {
      expect((await validate(bad)).body['valid']).toBe(false);
    }
  });
});

describe('the key set', () => {
  it('may be cached, and answers 304 to whoever has it', async () => {
    const first = await service.stranger.get('/.well-known/jwks.json');
    expect(first.status).toBe(200);
    expect(first.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    expect(first.headers.get('cache-control')).toBe('public, max-age=300');
    const etag = first.headers.get('etag') ?? '';
    const again = await service.stranger.get('/.well-known/jwks.json', { 'if-none-match': etag });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('holds public keys only', async () => {
    const { body } = await service.stranger.get('/.well-known/jwks.json');
    for (const key of body['keys'] as object[]) expect(key).not.toHaveProperty('d');
  });
});
