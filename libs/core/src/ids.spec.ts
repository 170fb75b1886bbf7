import { describe, expect, it } from '@jest/globals';
import { derivedId, newId, randomText, toBase32 } from './ids.js';

describe('ids', () => {
  it('never come twice, also where one page of random bytes follows another', () => {
    const made = Array.from({ length: 5_000 }, () => newId('cnd'));
    expect(new Set(made).size).toBe(made.length);
    for (const id of made) expect(id).toMatch(/^cnd_[0-9a-hjkmnp-tv-z]{24}$/);
  });

  it('do not share bytes with what was drawn before them', () => {
    const bits = Array.from({ length: 2_000 }, () => randomText(10));
    expect(new Set(bits.map((text) => text.slice(0, 8))).size).toBe(bits.length);
  });

  it('that follow from parts are the same for the same parts alone', () => {
    expect(derivedId('evt', 'a', 'bc')).toBe(derivedId('evt', 'a', 'bc'));
    expect(derivedId('evt', 'a', 'bc')).not.toBe(derivedId('evt', 'ab', 'c'));
  });

  it('are base32 without look-alikes', () => {
    expect(toBase32(Uint8Array.of(255, 255, 255, 255, 255))).toBe('zzzzzzzz');
    expect(toBase32(Uint8Array.of(0))).toBe('00');
  });
});
