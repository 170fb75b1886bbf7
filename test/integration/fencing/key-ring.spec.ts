import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '#core';
import {
  type Algorithm,
  FENCING_ENTITIES,
  FencingTokens,
  KeyRing,
  KeySealer,
  SigningKeyStore,
  WrongMasterKey,
} from '#fencing';
import { Database } from '#postgres';
import { FakeClock, FaultProxy, waitUntil } from '#testing';
import { type FreshDatabase, connectedDatabase, freshDatabase, silent } from '../postgres/fresh-database.js';

const MASTER_KEY = '5e'.repeat(32);
const subject = {
  tenantId: 'ten_a',
  electionId: 'elc_a',
  election: 'billing',
  candidateId: 'cnd_a',
  candidate: 'worker-1',
  seat: 0,
  epoch: 0,
  term: 1,
  fence: 1,
};

let fresh: FreshDatabase;
let database: Database;
const rings: KeyRing[] = [];

beforeAll(async () => {
  fresh = await freshDatabase();
  database = await connectedDatabase(fresh.url, FENCING_ENTITIES);
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});
beforeEach(() => fresh.ask('TRUNCATE signing_keys'));
afterEach(async () => {
  for (const ring of rings.splice(0)) await ring.close();
});

function newRing({
  on = database,
  masterKey = MASTER_KEY,
  algorithm = 'ES256',
  clock = systemClock,
}: { on?: Database; masterKey?: string; algorithm?: Algorithm; clock?: Clock } = {}) {
  const options = { algorithm, tokenLifetimeMs: 3_600_000 };
  const ring = new KeyRing(new SigningKeyStore(on), new KeySealer(masterKey), options, silent, clock);
  rings.push(ring);
  return ring;
}

const tokensOf = (ring: KeyRing): FencingTokens => new FencingTokens(ring, { issuer: 'test' }, systemClock);

describe('key ring', () => {
  it('agrees on one key among replicas that start at the same moment', async () => {
    const replicas = Array.from({ length: 5 }, () => newRing());
    await Promise.all(replicas.map((ring) => ring.load()));
    const kids = replicas.map((ring) => ring.active()?.kid);
    expect(new Set(kids).size).toBe(1);
    expect(kids[0]).toMatch(/^[\w-]{43}$/);
    const token = (await tokensOf(rings[0] ?? newRing()).tokenFor(subject)) ?? '';
    for (const ring of replicas) expect((await tokensOf(ring).verify(token)).ok).toBe(true);
    expect(await fresh.ask('SELECT kid FROM signing_keys')).toHaveLength(1);
  });

  it('keeps its key over a restart, and stores nothing private in the clear', async () => {
    const first = newRing();
    await first.load();
    const second = newRing();
    await second.load();
    expect(second.active()?.kid).toBe(first.active()?.kid);
    const [row] = await fresh.ask<{ public_jwk: Record<string, unknown>; sealed_private_key: string }>(
      'SELECT public_jwk, sealed_private_key FROM signing_keys',
    );
    expect(row?.public_jwk).not.toHaveProperty('d');
    expect(row?.sealed_private_key).toMatch(/^v1\.[\w-]+$/);
    expect(JSON.stringify(first.jwks())).not.toContain('"d"');
  });

  it('publishes keys with explicit kid, algorithm and use', async () => {
    const ring = newRing({ algorithm: 'Ed25519' });
    await ring.load();
    expect(ring.jwks()).toEqual({
      keys: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          x: expect.any(String),
          kid: ring.active()?.kid,
          alg: 'Ed25519',
          use: 'sig',
        },
      ],
    });
  });

  it('has no key while Postgres is down at its start, and signs as soon as it is up', async () => {
    const server = new URL(fresh.url);
    const proxy = await FaultProxy.start(`${server.hostname}:${server.port}`);
    proxy.cut();
    const url = Object.assign(new URL(server), { port: `${proxy.port}` }).href;
    const away = new Database(
      { url, applicationName: 'test', entities: FENCING_ENTITIES },
      silent,
      systemClock,
    );
    try {
      away.start();
      const ring = newRing({ on: away });
      const tokens = tokensOf(ring);
      ring.start();
      await waitUntil(() => proxy.accepted > 0, { what: 'an attempt to connect' });
      expect(await tokens.tokenFor(subject)).toBeUndefined();
      expect(ring.jwks()).toEqual({ keys: [] });
      proxy.pass();
      const token = await waitUntil(() => tokens.tokenFor(subject), { what: 'a token' });
      expect((await tokens.verify(token)).ok).toBe(true);
      proxy.cut();
      expect(await tokens.tokenFor({ ...subject, fence: 2, term: 2 })).toEqual(expect.any(String));
    } finally {
      await away.close();
      await proxy.close();
    }
  });

  it('says clearly that the MASTER_KEY is wrong, signs nothing, and still verifies', async () => {
    const right = newRing();
    await right.load();
    const token = (await tokensOf(right).tokenFor(subject)) ?? '';
    const wrong = newRing({ masterKey: '6f'.repeat(32) });
    await expect(wrong.load()).rejects.toThrow(WrongMasterKey);
    expect(wrong.active()).toBeUndefined();
    expect(await tokensOf(wrong).tokenFor(subject)).toBeUndefined();
    expect((await tokensOf(wrong).verify(token)).ok).toBe(true);
    expect(await fresh.ask('SELECT kid FROM signing_keys')).toHaveLength(1);
  });

  it('looks again for a key it does not know, but not for every token that names one', async () => {
    const clock = new FakeClock();
    const late = newRing({ clock });
    await late.load();
    const rotating = newRing();
    await rotating.prepareNext();
    await rotating.promoteNext(0);
    const kid = rotating.active()?.kid ?? '';
    expect(late.has(kid)).toBe(false);
    expect((await late.find(kid))?.kid).toBe(kid);
    const unseen = newRing({ algorithm: 'Ed25519' });
    await unseen.load();
    const other = unseen.active()?.kid ?? '';
    expect(await late.find(other)).toBeUndefined();
    await clock.advance(10_000);
    expect((await late.find(other))?.kid).toBe(other);
  });

  it('publishes a key before it signs, and keeps the old one until its last token is long expired', async () => {
    const ring = newRing();
    await ring.load();
    const old = ring.active()?.kid;
    const token = (await tokensOf(ring).tokenFor(subject)) ?? '';
    const next = await ring.prepareNext();
    expect(await ring.prepareNext()).toBe(next);
    expect(
      ring
        .jwks()
        .keys.map((key) => key.kid)
        .sort(),
    ).toEqual([old, next].sort());
    expect(await ring.promoteNext()).toBe(false);
    expect(ring.active()?.kid).toBe(old);
    expect(await ring.promoteNext(0)).toBe(true);
    expect(ring.active()?.kid).toBe(next);
    expect((await tokensOf(ring).verify(token)).ok).toBe(true);
    expect(ring.jwks().keys).toHaveLength(2);
    await fresh.ask("UPDATE signing_keys SET expires_at = now() WHERE state = 'retired'");
    await ring.load();
    expect(ring.jwks().keys.map((key) => key.kid)).toEqual([next]);
  });

  it('drops a key that was removed in an emergency', async () => {
    const ring = newRing();
    await ring.load();
    const token = (await tokensOf(ring).tokenFor(subject)) ?? '';
    await fresh.ask('DELETE FROM signing_keys');
    await ring.load();
    expect(await tokensOf(ring).verify(token)).toEqual({ ok: false, reason: 'bad_signature' });
    expect(ring.active()).toBeDefined();
  });
});
