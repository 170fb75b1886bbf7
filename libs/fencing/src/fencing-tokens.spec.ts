import { createHmac, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SignJWT, createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { FakeClock } from '#testing';
import type { Algorithm, FencingClaims } from './claims.js';
import { FencingTokens, type TokenSubject, type Verdict } from './fencing-tokens.js';
import type { Keys } from './key-ring.js';
import { KeySealer } from './key-sealer.js';
import { type SigningKey, importSigningKey, newStoredKey } from './signing-key.js';

const HOUR_MS = 3_600_000;
const sealer = new KeySealer('4d'.repeat(32));
const subject: TokenSubject = {
  tenantId: 'ten_a',
  electionId: 'elc_a',
  election: 'billing',
  candidateId: 'cnd_a',
  candidate: 'worker-1',
  seat: 0,
  epoch: 2,
  term: 7,
  fence: 2 * 2 ** 32 + 7,
};

async function newKey(algorithm: Algorithm): Promise<SigningKey> {
  return importSigningKey(await newStoredKey(algorithm, 'active', sealer), sealer);
}

async function scene(algorithm: Algorithm = 'ES256') {
  const clock = new FakeClock();
  const held: { active: SigningKey | undefined; all: SigningKey[] } = { active: undefined, all: [] };
  const keys: Keys = {
    active: () => held.active,
    find: async (kid) => held.all.find((key) => key.kid === kid),
    has: (kid) => held.all.some((key) => key.kid === kid),
  };
  const key = await newKey(algorithm);
  held.active = key;
  held.all = [key];
  const issued: { claims: FencingClaims; kid: string }[] = [];
  const onIssued = (claims: FencingClaims, kid: string): void => void issued.push({ claims, kid });
  const tokens = new FencingTokens(keys, { issuer: 'https://incumbent.test', onIssued }, clock);
  return { clock, held, key, issued, tokens };
}

function reasonOf(verdict: Verdict): string {
  return verdict.ok ? 'ok' : verdict.reason;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe.each(['ES256', 'Ed25519'] as const)('fencing tokens under %s', (algorithm) => {
  it('carry the claims of the term, and verify against the published key alone', async () => {
    const { tokens, key, clock } = await scene(algorithm);
    const token = tokens.tokenFor(subject) ?? '';
    expect(decodeProtectedHeader(token)).toEqual({ alg: algorithm, kid: key.kid, typ: 'fencing+jwt' });
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [key.published] }), {
      typ: 'fencing+jwt',
      audience: 'incumbent:ten_a:billing',
      issuer: 'https://incumbent.test',
      algorithms: [algorithm],
      currentDate: new Date(clock.wallTimeMs()),
    });
    const iat = Math.floor(clock.wallTimeMs() / 1000);
    expect(payload).toEqual({
      iss: 'https://incumbent.test',
      sub: 'worker-1',
      aud: 'incumbent:ten_a:billing',
      tenant: 'ten_a',
      election: 'billing',
      seat: 0,
      term: 7,
      fence: 8_589_934_599,
      epoch: 2,
      jti: expect.stringMatching(/^tok_/),
      iat,
      exp: iat + 3600,
    });
    expect(await tokens.verify(token)).toEqual({ ok: true, claims: payload, kid: key.kid });
  });

  it('do not survive a change of any character', async () => {
    const { tokens } = await scene(algorithm);
    const token = tokens.tokenFor(subject) ?? '';
    for (let at = 0; at < token.length; at += 3) {
      const changed = token.slice(0, at) + (token[at] === 'Q' ? 'R' : 'Q') + token.slice(at + 1);
      expect(reasonOf(await tokens.verify(changed))).toMatch(/^(malformed|bad_signature)$/);
    }
    const last = token.slice(-1);
    for (const other of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.replace(
      last,
      '',
    )) {
      expect(reasonOf(await tokens.verify(token.slice(0, -1) + other))).toMatch(
        /^(malformed|bad_signature)$/,
      );
    }
  });

  it('are refused when another service signed them', async () => {
    const { tokens } = await scene(algorithm);
    const foreign = await scene(algorithm);
    const token = foreign.tokens.tokenFor(subject) ?? '';
    expect(await tokens.verify(token)).toEqual({ ok: false, reason: 'bad_signature' });
  });

  it('are refused when a foreign key signed under our key id', async () => {
    const { tokens, key } = await scene(algorithm);
    const foreign = await newKey(algorithm);
    const claims = decodeJwt(tokens.tokenFor(subject) ?? '');
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'fencing+jwt' })
      .sign(foreign.privateKey);
    expect(await tokens.verify(forged)).toEqual({ ok: false, reason: 'bad_signature' });
  });
});

describe('fencing tokens', () => {
  it('never let the header choose the algorithm', async () => {
    const { tokens, key } = await scene();
    const [, payload = ''] = (tokens.tokenFor(subject) ?? '').split('.');
    const none = `${encode({ alg: 'none', kid: key.kid, typ: 'fencing+jwt' })}.${payload}.`;
    expect(reasonOf(await tokens.verify(none))).toBe('malformed');
    // The classic confusion: the public key taken for a shared secret.
    const pem = createPublicKey({ key: key.published, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    const signed = `${encode({ alg: 'HS256', kid: key.kid, typ: 'fencing+jwt' })}.${payload}`;
    const mac = createHmac('sha256', pem).update(signed).digest('base64url');
    expect(reasonOf(await tokens.verify(`${signed}.${mac}`))).toBe('malformed');
    const otherAlgorithm = await new SignJWT(decodeJwt(`${signed}.${mac}`))
      .setProtectedHeader({ alg: 'Ed25519', kid: key.kid, typ: 'fencing+jwt' })
      .sign((await newKey('Ed25519')).privateKey);
    expect(reasonOf(await tokens.verify(otherAlgorithm))).toBe('bad_signature');
  });

  it('are refused when the header brings a key, a critical extension or another type', async () => {
    const { tokens, key } = await scene();
    const claims = decodeJwt(tokens.tokenFor(subject) ?? '');
    const header = { alg: 'ES256', kid: key.kid, typ: 'fencing+jwt' };
    const extras = [
      { jwk: key.published },
      { jku: 'https://evil.test/jwks.json' },
      { x5u: 'https://evil.test/cert' },
      { x5c: ['MIIB'] },
      { typ: 'JWT' },
      { typ: undefined },
      { kid: undefined },
    ];
    for (const extra of extras) {
      const token = await new SignJWT(claims)
        .setProtectedHeader({ ...header, ...extra })
        .sign(key.privateKey);
      expect([extra, reasonOf(await tokens.verify(token))]).toEqual([extra, 'malformed']);
    }
    const critical = `${encode({ ...header, crit: ['exp'] })}.${encode(claims)}.${'A'.repeat(86)}`;
    expect(reasonOf(await tokens.verify(critical))).toBe('malformed');
  });

  it('are refused when genuine claims are missing or of a wrong type', async () => {
    const { tokens, key } = await scene();
    const claims = decodeJwt(tokens.tokenFor(subject) ?? '');
    const { fence: _, ...withoutFence } = claims;
    for (const payload of [
      withoutFence,
      { ...claims, fence: '7' },
      { ...claims, fence: -1 },
      { ...claims, term: 1.5 },
    ]) {
      const token = await new SignJWT(payload)
        .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'fencing+jwt' })
        .sign(key.privateKey);
      expect(reasonOf(await tokens.verify(token))).toBe('malformed');
    }
  });

  it('refuse every text that is no token without failing', async () => {
    const { tokens } = await scene();
    for (const text of [
      '',
      '.',
      '..',
      'a.b.c',
      'a.b.c.d',
      '{}',
      '=.=.=',
      'x'.repeat(100_000),
      'e30.e30.e30',
      '\u0000..',
    ]) {
      expect(reasonOf(await tokens.verify(text))).toBe('malformed');
    }
  });

  it('expire at exp by the wall clock, and then say whose they were', async () => {
    const { tokens, clock } = await scene();
    const token = tokens.tokenFor(subject) ?? '';
    await clock.advance(HOUR_MS - 1);
    expect(reasonOf(await tokens.verify(token))).toBe('ok');
    await clock.advance(1);
    expect(await tokens.verify(token)).toMatchObject({
      ok: false,
      reason: 'expired',
      claims: { election: 'billing' },
    });
  });

  it('are signed once for a term, also when many ask at the same moment', async () => {
    const { tokens, issued } = await scene();
    const answers = Array.from({ length: 20 }, () => tokens.tokenFor(subject));
    expect(new Set(answers).size).toBe(1);
    expect(issued).toHaveLength(1);
    expect(issued[0]?.claims.jti).toBe(decodeJwt(answers[0] ?? '').jti);
    tokens.tokenFor({ ...subject, term: 8, fence: subject.fence + 1 });
    expect(issued).toHaveLength(2);
  });

  it('are replaced at half their life, so that a leader that renews never holds an expired one', async () => {
    const { tokens, clock, issued } = await scene();
    const longestTtlMs = 15 * 60_000;
    for (let renewal = 0; renewal < 40; renewal++) {
      const token = tokens.tokenFor(subject) ?? '';
      const expiresMs = (decodeJwt(token).exp ?? 0) * 1000;
      expect(expiresMs - clock.wallTimeMs()).toBeGreaterThanOrEqual(longestTtlMs);
      await clock.advance(longestTtlMs);
    }
    expect(issued).toHaveLength(20);
  });

  it('are replaced when their key was removed, and by the key that is active', async () => {
    const { tokens, held, key } = await scene();
    const before = tokens.tokenFor(subject);
    const successor = await newKey('ES256');
    held.active = successor;
    held.all = [key, successor];
    expect(tokens.tokenFor(subject)).toBe(before);
    held.all = [successor];
    const after = tokens.tokenFor(subject) ?? '';
    expect(decodeProtectedHeader(after).kid).toBe(successor.kid);
  });

  it('are absent while there is no key, and follow as soon as there is one', async () => {
    const { tokens, held, key, issued } = await scene();
    held.active = undefined;
    expect(tokens.tokenFor(subject)).toBeUndefined();
    expect(issued).toHaveLength(0);
    held.active = key;
    expect(tokens.tokenFor(subject)).toEqual(expect.any(String));
  });
});
