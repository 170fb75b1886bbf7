import { describe, expect, it } from '@jest/globals';
import { type Entry, keys, SYSTEM_TENANT } from '#election';
import { Batch } from './batch.js';
import { readLegibly } from './legible.js';

let revision = 0;
const entry = (key: string, value: object = {}, modRevision = ++revision): Entry => ({
  key,
  value: JSON.stringify(value),
  createRevision: modRevision,
  modRevision,
});
const eventKey = (election: string, sequence: number, tenantId = 'ten_a'): string =>
  keys.event({ tenantId, electionId: `elc_${election}` }, 0, sequence);

describe('a batch', () => {
  it('is taken apart by elections and acts, never within one', () => {
    const all = Batch.of([
      entry(keys.act('ten_a', 'aud_1')),
      entry(eventKey('a', 1)),
      entry(eventKey('a', 2)),
      entry(eventKey('b', 1)),
    ]);
    const [first, second] = all.halves();
    expect([first.parts.size, second.parts.size]).toEqual([2, 1]);
    expect(first.entries.length + second.entries.length).toBe(4);
    const [alone, nothing] = second.halves();
    expect(alone.entries).toHaveLength(1);
    expect(nothing.isEmpty).toBe(true);
  });

  it('tells changes of different elections in the order of their commits, those of one in theirs', () => {
    const batch = Batch.of([
      entry(eventKey('a', 1), { id: 'a1' }, 10),
      entry(eventKey('a', 2), { id: 'a2' }, 10),
      entry(eventKey('a', 3), { id: 'a3' }, 30),
      entry(eventKey('b', 1), { id: 'b1' }, 20),
    ]);
    expect(batch.inOrder().events.map(({ id }) => id)).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  it('has the keys of the service’s own elections removed and tells nobody of them', () => {
    const batch = Batch.of([
      entry(eventKey('relay', 1, SYSTEM_TENANT)),
      entry(keys.act(SYSTEM_TENANT, 'aud_1')),
    ]);
    expect(batch.entries).toHaveLength(2);
    expect([batch.events, batch.acts]).toEqual([[], []]);
  });

  it('leaves alone what it does not know, and names what it cannot read', () => {
    const broken = { ...entry(eventKey('a', 1)), value: '{' };
    const batch = Batch.of([entry('o/ten_a/later/thing'), broken]);
    expect(batch.isEmpty).toBe(true);
    expect(batch.unreadable).toEqual([broken.key]);
  });
});

describe('a record', () => {
  it('is read so that Postgres can keep it, whatever a participant has put into its metadata', () => {
    const metadata = { 'a\0': ['\0', '\ud800', '\udc00\ud83d', '\u{1f600}', { deep: 'x\0y' }] };
    expect(readLegibly(JSON.stringify({ metadata }))).toEqual({
      metadata: { 'a\ufffd': ['\ufffd', '\ufffd', '\ufffd\ufffd', '\u{1f600}', { deep: 'x\ufffdy' }] },
    });
  });

  it('that is well is read as it is, also where it speaks of such text', () => {
    const metadata = { path: 'C:\\u0000', n: 1, nothing: null };
    expect(readLegibly(JSON.stringify({ metadata }))).toEqual({ metadata });
  });
});
