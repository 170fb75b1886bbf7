import { describe, expect, it } from '@jest/globals';
import { hasCode } from '#core';
import fc from 'fast-check';
import { parseJson } from './json.js';

const parse = (text: string) => parseJson(Buffer.from(text));

function refuses(bytes: Buffer): void {
  let thrown: unknown;
  try {
    parseJson(bytes);
  } catch (error) {
    thrown = error;
  }
  expect(hasCode(thrown, 'request.malformed_json')).toBe(true);
}

describe('parseJson', () => {
  it('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__') && !text.includes('constructor'));
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['a doubled key', '{"a":1,"a":1}'],
    ['a key doubled in another spelling', '{"a":1,"\\u0061":2}'],
    ['a doubled key deep inside', '[{"x":{"b":[{"k":1,"k":2}]}}]'],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['__proto__ in escapes', '{"\\u005f_proto__":1}'],
    ['constructor.prototype', '{"constructor":{"prototype":{}}}'],
    ['trailing garbage', '{} x'],
    ['two values', '{}{}'],
    ['a comment', '{/**/}'],
    ['NaN', '{"a":NaN}'],
    ['a single quote', "{'a':1}"],
    ['a byte order mark', '\ufeff{}'],
    ['nothing but space', '  '],
  ])('refuses %s', (_what, text) => refuses(Buffer.from(text)));

  it('refuses bytes that are not UTF-8', () => refuses(Buffer.from([0x22, 0xff, 0x22])));

  it('refuses nesting that nobody needs, and does not exhaust the stack over it', () => {
    refuses(Buffer.from('['.repeat(8_000) + ']'.repeat(8_000)));
    refuses(Buffer.from('{"a":'.repeat(2_000) + '1' + '}'.repeat(2_000)));
  });

  it('is not confused by colons, braces and quotes inside strings', () => {
    const value = { 'a:"{[': '\\":{}[]:', b: ['\\\\', '"', ':'] };
    expect(parse(JSON.stringify(value))).toEqual(value);
  });
});
