import { describe, expect, it } from '@jest/globals';
import { KeySealer, WrongMasterKey } from './key-sealer.js';

const sealer = new KeySealer('1f'.repeat(32));

describe('key sealer', () => {
  it('opens what it sealed, and seals the same secret differently each time', () => {
    const [one, other] = [sealer.seal('kid', 'secret'), sealer.seal('kid', 'secret')];
    expect(one).not.toBe(other);
    expect(sealer.open('kid', one)).toBe('secret');
    expect(sealer.open('kid', other)).toBe('secret');
    expect(one).not.toContain(Buffer.from('secret').toString('base64url'));
  });

  it('says which setting is wrong when another MASTER_KEY is given', () => {
    const sealed = sealer.seal('kid', 'secret');
    const open = (): string => new KeySealer('2f'.repeat(32)).open('kid', sealed);
    expect(open).toThrow(WrongMasterKey);
    expect(open).toThrow(/MASTER_KEY does not open the signing key kid/);
  });

  it('does not open a key that was moved to another row', () => {
    expect(() => sealer.open('other', sealer.seal('kid', 'secret'))).toThrow(WrongMasterKey);
  });

  it('does not open a key that was changed or cut anywhere', () => {
    const sealed = sealer.seal('kid', 'secret');
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      // The last character has spare bits: some changes of it are none.
      if (
        Buffer.from(changed.slice(3), 'base64url').equals(Buffer.from(sealed.slice(3), 'base64url')) &&
        at > 2
      )
        continue;
      expect(() => sealer.open('kid', changed)).toThrow(WrongMasterKey);
    }
    expect(() => sealer.open('kid', sealed.slice(0, 20))).toThrow(WrongMasterKey);
    expect(() => sealer.open('kid', '')).toThrow(WrongMasterKey);
  });
});
