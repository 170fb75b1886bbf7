import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AUDIT_ENTITIES, AuditLog } from '#audit';
import { type Caused, type Clock, systemClock } from '#core';
import {
  type Algorithm,
  FENCING_ENTITIES,
  FencingTokens,
  KeyRing,
  KeyRotation,
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
  database = await connectedDatabase(fresh.url, [...FENCING_ENTITIES, ...AUDIT_ENTITIES]);
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

const newRotation = (): KeyRotation =>
  new KeyRotation(
    new SigningKeyStore(database),
    new KeySealer(MASTER_KEY),
    { algorithm: 'ES256', tokenLifetimeMs: 3_600_000 },
    new AuditLog(),
    systemClock,
  );

/** Lets the next key be older than it is. */
const publishedFor = (interval: string): Promise<unknown> =>
  fresh.ask("UPDATE signing_keys SET created_at = now() - $1::interval WHERE state = 'next'", [interval]);

const BY: Caused = { actor: { type: 'admin_token', id: 'environment' }, context: {} };

const tokensOf = (ring: KeyRing): FencingTokens => new FencingTokens(ring, { issuer: 'test' }, systemClock);

describe('key ring', () => {
  it('agrees on one key among replicas that start at the same moment', async () => {
    const replicas = Array.from({ length: 5 }, () => newRing());
    await Promise.all(replicas.map((ring) => ring.load()));
    const kids = replicas.map((ring) => ring.active()?.kid);
    expect(new Set(kids).size).toBe(1);
    expect(kids[0]).toMatch(/^[\w-]{43}$/);
    const token = tokensOf(rings[0] ?? newRing()).tokenFor(subject) ?? '';
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
      expect(tokens.tokenFor(subject)).toBeUndefined();
      expect(ring.jwks()).toEqual({ keys: [] });
      proxy.pass();
      const token = await waitUntil(() => tokens.tokenFor(subject), { what: 'a token' });
      expect((await tokens.verify(token)).ok).toBe(true);
      proxy.cut();
      expect(tokens.tokenFor({ ...subject, fence: 2, term: 2 })).toEqual(expect.any(String));
    } finally {
      await away.close();
      await proxy.close();
    }
  });

  it('says clearly that the MASTER_KEY is wrong, signs nothing, and still verifies', async () => {
    const right = newRing();
    await right.load();
    const token = tokensOf(right).tokenFor(subject) ?? '';
    const wrong = newRing({ masterKey: '6f'.repeat(32) });
    await expect(wrong.load()).rejects.toThrow(WrongMasterKey);
    expect(wrong.active()).toBeUndefined();
    expect(tokensOf(wrong).tokenFor(subject)).toBeUndefined();
    expect((await tokensOf(wrong).verify(token)).ok).toBe(true);
    expect(await fresh.ask('SELECT kid FROM signing_keys')).toHaveLength(1);
  });

  it('looks again for a key it does not know, but not for every token that names one', async () => {
    const clock = new FakeClock();
    const late = newRing({ clock });
    await late.load();
    const rotating = newRing();
    await rotating.load();
    await newRotation().rotate(BY, { emergency: true });
    await rotating.load();
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
    const token = tokensOf(ring).tokenFor(subject) ?? '';
    const rotation = newRotation();
    expect(await rotation.rotate(BY)).toBe('prepared');
    expect(await rotation.rotate(BY)).toBe('waiting');
    await ring.load();
    const next = (await rotation.list()).find((key) => key.state === 'next')?.kid;
    expect(
      ring
        .jwks()
        .keys.map((key) => key.kid)
        .sort(),
    ).toEqual([old, next].sort());
    expect(ring.active()?.kid).toBe(old);
    await publishedFor('31 minutes');
    expect(await rotation.rotate(BY)).toBe('promoted');
    await ring.load();
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
    const token = tokensOf(ring).tokenFor(subject) ?? '';
    await fresh.ask('DELETE FROM signing_keys');
    await ring.load();
    expect(await tokensOf(ring).verify(token)).toEqual({ ok: false, reason: 'bad_signature' });
    expect(ring.active()).toBeDefined();
  });
});

describe('key rotation', () => {
  const states = async (): Promise<string[]> => (await newRotation().list()).map((key) => key.state);

  it('takes one step at a time, and shows each key with the times of its life', async () => {
    await newRing().load();
    const rotation = newRotation();
    await rotation.rotate(BY);
    const [next, active] = await rotation.list();
    expect(next).toMatchObject({ state: 'next', activatedAt: null, usableFrom: expect.any(Date) });
    expect(Number(next?.usableFrom) - Number(next?.createdAt)).toBe(30 * 60_000);
    expect(active).toMatchObject({ state: 'active', activatedAt: expect.any(Date), expiresAt: null });
    expect(JSON.stringify(await rotation.list())).not.toMatch(/sealed|Jwk/);
    await publishedFor('31 minutes');
    expect(await rotation.rotate(BY)).toBe('promoted');
    const retired = (await rotation.list()).find((key) => key.kid === active?.kid);
    expect(retired).toMatchObject({ state: 'retired', retiredAt: expect.any(Date) });
    expect(Number(retired?.expiresAt) - Number(retired?.retiredAt)).toBe(2 * 3_600_000);
  });

  it('in an emergency signs with a new key at once, and leaves the old one to be removed', async () => {
    const ring = newRing();
    await ring.load();
    const old = ring.active()?.kid ?? '';
    const token = tokensOf(ring).tokenFor(subject) ?? '';
    const rotation = newRotation();
    await expect(rotation.remove(old, BY)).rejects.toMatchObject({ code: 'signing_key.in_use' });
    expect(ring.active()?.kid).toBe(old);
    expect(await rotation.rotate(BY, { emergency: true })).toBe('promoted');
    await ring.load();
    expect(ring.active()?.kid).not.toBe(old);
    expect((await tokensOf(ring).verify(token)).ok).toBe(true);
    await rotation.remove(old, BY);
    await ring.load();
    expect(await tokensOf(ring).verify(token)).toEqual({ ok: false, reason: 'bad_signature' });
    await expect(rotation.remove(old, BY)).rejects.toMatchObject({ code: 'signing_key.not_found' });
  });

  it('raced by many callers publishes one next key and promotes it once', async () => {
    await newRing().load();
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => newRotation().rotate(BY)));
    expect(outcomes.sort()).toEqual(['prepared', ...Array<string>(5).fill('waiting')]);
    await publishedFor('31 minutes');
    await Promise.all(Array.from({ length: 6 }, () => newRotation().keepUp(0)));
    expect((await states()).sort()).toEqual(['active', 'retired']);
  });

  it('left to the worker begins when the key is old enough, waits, and finishes', async () => {
    await newRing().load();
    const rotation = newRotation();
    const everyMs = 90 * 86_400_000;
    expect(await rotation.keepUp(everyMs)).toBeUndefined();
    await fresh.ask("UPDATE signing_keys SET activated_at = now() - interval '91 days'");
    expect(await rotation.keepUp(0)).toBeUndefined();
    expect(await rotation.keepUp(everyMs)).toBe('prepared');
    expect(await rotation.keepUp(everyMs)).toBeUndefined();
    await publishedFor('31 minutes');
    expect(await rotation.keepUp(everyMs)).toBe('promoted');
    expect(await rotation.keepUp(everyMs)).toBeUndefined();
    expect((await states()).sort()).toEqual(['active', 'retired']);
  });

  it('is on the platform’s record, each step once', async () => {
    await newRing().load();
    await newRotation().rotate(BY, { emergency: true });
    const [key] = await newRotation().list();
    const acts = await fresh.ask<{ action: string }>(
      'SELECT action FROM audit_events WHERE target_ids @> ARRAY[$1::text] ORDER BY sequence',
      [key?.kid],
    );
    expect(acts.map((act) => act.action)).toEqual(['signing_key.prepared', 'signing_key.promoted']);
  });
});
