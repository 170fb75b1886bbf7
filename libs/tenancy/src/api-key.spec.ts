import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatApiKey, newApiKey, parseApiKey } from './api-key.js';

describe('API key spelling', () => {
  it('reads back what it wrote', () => {
    const key = newApiKey('live');
    expect(key.text).toMatch(/^inc_live_[0-9a-z]{24}_[0-9A-Za-z]{38}$/);
    expect(parseApiKey(key.text)).toEqual({ environment: 'live', keyId: key.keyId, secret: key.secret });
  });

  it('never makes the same key twice', () => {
    const texts = Array.from({ length: 200 }, () => newApiKey('test').text);
    expect(new Set(texts).size).toBe(200);
  });

  it('refuses every key with one character changed', () => {
    const { text } = newApiKey('test');
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'b' ? 'c' : 'b';
      expect(parseApiKey(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined();
    }
  });

  it('refuses two characters swapped, a missing tail and a longer key', () => {
    const text = formatApiKey({
      environment: 'live',
      keyId: 'key_0123456789abcdefghjkmnpq',
      secret: 'abcdefghijklmnopqrstuvwxyzABCDEF',
    });
    expect(parseApiKey(text)).toBeDefined();
    expect(parseApiKey(text.replace('abcd', 'abdc'))).toBeUndefined();
    expect(parseApiKey(text.slice(0, -1))).toBeUndefined();
    expect(parseApiKey(`${text}0`)).toBeUndefined();
    expect(parseApiKey(`${text}\n`)).toBeUndefined();
  });

  it('refuses any other text without failing', () => {
    fc.assert(fc.property(fc.string({ maxLength: 120 }), (text) => parseApiKey(text) === undefined));
  });
});
