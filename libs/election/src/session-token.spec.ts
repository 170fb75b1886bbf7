import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SessionTokens } from './session-token.js';

const tokens = new SessionTokens(new Uint8Array(32).fill(1));
const session = { sessionId: 'ses_abc', tenantId: 'ten_a', ttlMs: 2_000, incarnation: 'i1' };

describe('a session token', () => {
  it('names its session without any look-up', () => {
    expect(tokens.parse(tokens.mint(session), 'ten_a')).toEqual(session);
  });

  it('is unknown to another tenant and under another secret, in the same words', () => {
    const token = tokens.mint(session);
    const other = new SessionTokens(new Uint8Array(32).fill(2));
    const refusal = { code: 'session.unknown', message: expect.any(String) };
    expect(() => tokens.parse(token, 'ten_b')).toThrow(expect.objectContaining(refusal));
    expect(() => other.parse(token, 'ten_a')).toThrow(expect.objectContaining(refusal));
  });

  it('is checked again where it was not minted, and every time for its tenant', () => {
    const elsewhere = new SessionTokens(new Uint8Array(32).fill(1));
    const token = tokens.mint(session);
    for (let turn = 0; turn < 2; turn += 1) {
      expect(elsewhere.parse(token, 'ten_a')).toEqual(session);
      expect(() => elsewhere.parse(token, 'ten_b')).toThrow(
        expect.objectContaining({ code: 'session.unknown' }),
      );
    }
  });

  it('is still known after more tokens than are remembered', () => {
    const first = tokens.mint(session);
    for (let other = 0; other < 45_000; other += 1) tokens.mint({ ...session, sessionId: `ses_${other}` });
    expect(tokens.parse(first, 'ten_a')).toEqual(session);
  });

  it('is unknown as soon as one character differs', () => {
    const token = tokens.mint(session);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'abcXYZ019-_.'), (at, char) => {
        const forged = token.slice(0, at) + char + token.slice(at + 1);
        const lastBits = at === token.length - 1;
        fc.pre(forged !== token && !lastBits);
        expect(() => tokens.parse(forged, 'ten_a')).toThrow(
          expect.objectContaining({ code: 'session.unknown' }),
        );
      }),
    );
  });

  it('is unknown for any text that was never minted', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => tokens.parse(text, 'ten_a')).toThrow(
          expect.objectContaining({ code: 'session.unknown' }),
        );
        expect(() => tokens.parse(`ses_${text}.x`, 'ten_a')).toThrow(
          expect.objectContaining({ code: 'session.unknown' }),
        );
      }),
    );
  });

  it('has an id that follows from tenant, election and key, and from nothing else', () => {
    const id = tokens.derivedSessionId('ten_a', 'elc_1', 'key');
    expect(tokens.derivedSessionId('ten_a', 'elc_1', 'key')).toBe(id);
    expect(tokens.derivedSessionId('ten_b', 'elc_1', 'key')).not.toBe(id);
    expect(tokens.derivedSessionId('ten_a', 'elc_2', 'key')).not.toBe(id);
    expect(tokens.derivedSessionId('ten_a', 'elc_1', 'key2')).not.toBe(id);
  });
});
