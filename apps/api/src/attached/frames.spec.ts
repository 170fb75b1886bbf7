import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CLOSE } from './close-codes.js';
import { framesJsonSchema } from './frames.schema.js';

describe('what is published of attached sessions', () => {
  it('is the schema that frames are parsed with', () => {
    const published: unknown = JSON.parse(readFileSync('docs/attached-sessions.schema.json', 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(framesJsonSchema())));
  });

  it('has every close code in its table', () => {
    const page = readFileSync('docs/attached-sessions.md', 'utf8');
    const rows = [...page.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code));
    expect(rows.sort()).toEqual(Object.values(CLOSE).sort());
  });
});
