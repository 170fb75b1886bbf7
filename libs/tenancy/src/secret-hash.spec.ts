import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SecretHash } from './secret-hash.js';

const MASTER = 'a1'.repeat(32);
const OTHER_MASTER = 'b2'.repeat(32);
const latin = fc.string({ unit: 'binary-ascii', minLength: 32, maxLength: 32 });

describe('secret hash', () => {
  it('is HMAC-SHA-256 under the pepper that follows from the master key', () => {
    const pepper = Buffer.from(
      hkdfSync('sha256', Buffer.from(MASTER, 'hex'), '', 'incumbent/api-key-pepper/v1', 32),
    );
    const secretHash = new SecretHash(MASTER, 32);
    fc.assert(
      fc.property(latin, (secret) => {
        expect(secretHash.of(secret)).toBe(createHmac('sha256', pepper).update(secret).digest('hex'));
      }),
    );
  });

  it('matches the same secret only', () => {
    const secretHash = new SecretHash(MASTER, 32);
    fc.assert(
      fc.property(latin, latin, (one, other) => {
        expect(secretHash.matches(one, secretHash.of(one))).toBe(true);
        expect(secretHash.matches(one, secretHash.of(other))).toBe(one === other);
      }),
    );
  });

  it('does not match under another master key', () => {
    const secret = 'x'.repeat(32);
    expect(new SecretHash(OTHER_MASTER, 32).matches(secret, new SecretHash(MASTER, 32).of(secret))).toBe(
      false,
    );
  });

  it('matches nothing against a stored hash that is cut or not hex', () => {
    const secretHash = new SecretHash(MASTER, 32);
    const secret = 'x'.repeat(32);
    expect(secretHash.matches(secret, secretHash.of(secret).slice(0, 62))).toBe(false);
    expect(secretHash.matches(secret, 'not hex')).toBe(false);
  });
});
