import { describe, expect, it } from '@jest/globals';
import { hasCode, systemClock, toTimestamp } from '#core';
import type { AdminTokenRecord } from '#election';
import { AdminAuthenticator } from './admin-authenticator.js';
import { newAdminToken } from './admin-token.js';
import { SECRET_LENGTH } from './api-key.js';
import { SecretHash } from './secret-hash.js';

const WALL_MS = Date.parse('2026-11-21T12:00:00.000Z');
const clock = { ...systemClock, wallTimeMs: () => WALL_MS };
const MASTER_KEY = 'c3'.repeat(32);
const secretHash = new SecretHash(MASTER_KEY, SECRET_LENGTH, 'adminToken');
const ENVIRONMENT = 'the-token-of-the-environment';

function scene({ token = {}, bootstrapOnly = false }: Given = {}) {
  const made = newAdminToken();
  const record = { name: 'on call', hash: secretHash.of(made.secret), role: 'full' as const, ...token };
  const tokens = new Map<string, AdminTokenRecord>([[made.tokenId, record]]);
  const asked: string[] = [];
  const view = {
    adminToken: (id: string) => {
      asked.push(id);
      return tokens.get(id);
    },
    adminTokens: () => tokens,
  };
  const environment = { text: ENVIRONMENT, bootstrapOnly };
  const authenticator = new AdminAuthenticator(view, secretHash, environment, clock);
  const isLetIn = (text: string): boolean => {
    try {
      return authenticator.authenticate(`Bearer ${text}`).role !== undefined;
    } catch (error) {
      if (hasCode(error, 'identity.unauthenticated')) return false;
      throw error;
    }
  };
  return { made, tokens, asked, authenticator, isLetIn };
}

interface Given {
  token?: Partial<AdminTokenRecord>;
  bootstrapOnly?: boolean;
}

describe('admin authenticator', () => {
  it('tells id, name and role of a genuine token', () => {
    const { made, authenticator } = scene({ token: { role: 'read_only' } });
    expect(authenticator.authenticate(`Bearer ${made.text}`)).toEqual({
      actor: { type: 'admin_token', id: made.tokenId, name: 'on call' },
      role: 'read_only',
    });
  });

  it('tells the token of the environment as such, with the role full', () => {
    expect(scene().authenticator.authenticate(`Bearer ${ENVIRONMENT}`)).toEqual({
      actor: { type: 'admin_token', id: 'environment' },
      role: 'full',
    });
  });

  it('refuses a wrong secret, an unknown id, an expired token and none at all', () => {
    const { made, tokens, isLetIn } = scene();
    expect(isLetIn(newAdminToken().text)).toBe(false);
    expect(isLetIn('')).toBe(false);
    expect(isLetIn(made.text)).toBe(true);
    tokens.set(made.tokenId, { name: 'x', role: 'full', hash: secretHash.of('0'.repeat(SECRET_LENGTH)) });
    expect(isLetIn(made.text)).toBe(false);
    const expired = scene({ token: { expiresAt: toTimestamp(WALL_MS) } });
    expect(expired.isLetIn(expired.made.text)).toBe(false);
    const lasting = scene({ token: { expiresAt: toTimestamp(WALL_MS + 1) } });
    expect(lasting.isLetIn(lasting.made.text)).toBe(true);
  });

  it('looks nothing up for a text whose checksum is wrong', () => {
    const { made, asked, isLetIn } = scene();
    expect(isLetIn(`${made.text.slice(0, -1)}-`)).toBe(false);
    expect(asked).toEqual([]);
  });

  it('hashes under another pepper than that of API keys', () => {
    const secret = 'a'.repeat(SECRET_LENGTH);
    expect(new SecretHash(MASTER_KEY, SECRET_LENGTH).of(secret)).not.toBe(secretHash.of(secret));
  });

  it('that only bootstraps from the environment refuses it while a full token lives, and locks nobody out', () => {
    const living = scene({ bootstrapOnly: true });
    expect(living.isLetIn(ENVIRONMENT)).toBe(false);
    living.tokens.clear();
    expect(living.isLetIn(ENVIRONMENT)).toBe(true);
    expect(scene({ bootstrapOnly: true, token: { role: 'read_only' } }).isLetIn(ENVIRONMENT)).toBe(true);
    const expired = { expiresAt: toTimestamp(WALL_MS) };
    expect(scene({ bootstrapOnly: true, token: expired }).isLetIn(ENVIRONMENT)).toBe(true);
  });
});
