import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import type { Act } from '#core';
import { type ChainLink, hashOf, NO_HASH } from './canonical.js';
import { eventAfter, type StoredEvent } from './chain.js';
import { type Chain, CUT_ACTION, type Verdict, verifyChain } from './verify.js';

const TENANT = 'ten_a';

function anAct(at: number, own: Partial<Act> = {}): Act {
  return {
    id: `aud_${at}`,
    tenantId: TENANT,
    action: 'election.changed',
    actor: { type: 'api_key', id: 'key_1' },
    targets: [{ type: 'election', id: `elc_${at}`, name: 'billing' }],
    context: { requestId: `req_${at}` },
    occurredAt: new Date(Date.UTC(2026, 10, 21) + at).toISOString(),
    ...own,
  };
}

function chainOf(acts: readonly Act[], after: ChainLink = { sequence: 0, hash: NO_HASH }): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (const act of acts) events.push(eventAfter(events.at(-1) ?? after, TENANT, act));
  return events;
}

const acts = (count: number): Act[] => Array.from({ length: count }, (_, at) => anAct(at + 1));
const headOf = (rows: readonly StoredEvent[]): ChainLink => {
  const { sequence, hash } = rows.at(-1) ?? { sequence: 0, hash: NO_HASH };
  return { sequence, hash };
};

async function* stream(rows: readonly StoredEvent[]): AsyncGenerator<StoredEvent> {
  yield* rows;
}

/** The chain of `before`, of which somebody has made `rows`. */
function verify(
  before: readonly StoredEvent[],
  rows: StoredEvent[],
  known: Partial<Chain> = {},
): Promise<Verdict> {
  const chain: Chain = { tenantId: TENANT, head: headOf(before), ...known };
  const inOrder = rows.toSorted((one, other) => one.sequence - other.sequence);
  return verifyChain(chain, stream(inOrder));
}

const ten = chainOf(acts(10));
const without = (...gone: number[]): StoredEvent[] => ten.filter(({ sequence }) => !gone.includes(sequence));
const edit = (sequence: number, change: (row: StoredEvent) => Partial<StoredEvent>): StoredEvent[] =>
  ten.map((row) => (row.sequence === sequence ? { ...row, ...change(row) } : row));
const hashed = (row: StoredEvent): StoredEvent => ({ ...row, hash: hashOf(row.previousHash, row.canonical) });
const forged = (row: StoredEvent): StoredEvent =>
  hashed({ ...row, canonical: row.canonical.replace('key_1', 'key_2'), actorId: 'key_2' });

describe('verification of a chain', () => {
  it('finds nothing wrong with what was recorded', async () => {
    expect(await verify(ten, ten)).toEqual({
      tenantId: TENANT,
      events: 10,
      verified: headOf(ten),
      checkpoints: 0,
    });
    expect((await verify([], [])).wrong).toBeUndefined();
    expect((await verify([], [], { head: undefined })).wrong).toBeUndefined();
  });

  it.each(
    Object.entries({
      canonical: (row: StoredEvent) => ({ canonical: row.canonical.replace('key_1', 'key_2') }),
      hash: () => ({ hash: 'f'.repeat(64) }),
      previousHash: () => ({ previousHash: 'f'.repeat(64) }),
      id: () => ({ id: 'aud_other' }),
      action: () => ({ action: 'election.deleted' }),
      actorId: () => ({ actorId: 'key_2' }),
      targetIds: () => ({ targetIds: [] }),
      occurredAt: () => ({ occurredAt: new Date(0) }),
      spelling: (row: StoredEvent) => ({ ...hashed({ ...row, canonical: ` ${row.canonical}` }) }),
      everything: () => ({ ...hashed({ ...ten[0], canonical: '[]' } as StoredEvent), sequence: 5 }),
    }),
  )('names the row whose %s was changed', async (_, change) => {
    expect((await verify(ten, edit(5, change))).wrong).toMatchObject({ kind: 'changed', sequence: 5 });
  });

  it.each([1, 2, 9, 10])('names row %i when it was changed and hashed anew', async (sequence) => {
    const { wrong } = await verify(ten, edit(sequence, forged));
    expect(wrong).toMatchObject({ kind: 'changed', sequence });
  });

  it('names the first that is gone, wherever it stood', async () => {
    for (const { sequence } of ten) {
      expect((await verify(ten, without(sequence))).wrong).toMatchObject({ kind: 'removed', sequence });
    }
    expect((await verify(ten, without(4, 5, 8))).wrong).toMatchObject({
      kind: 'removed',
      sequence: 4,
      detail: 'Events 4 to 5 are gone.',
    });
  });

  it('names the gap although the rows behind it were moved up', async () => {
    const moved = without(4).map((row) => (row.sequence > 4 ? { ...row, sequence: row.sequence - 1 } : row));
    expect((await verify(ten, moved)).wrong).toMatchObject({ kind: 'removed', sequence: 4 });
  });

  it('names two rows that changed places', async () => {
    const places = new Map([
      [3, 7],
      [7, 3],
    ]);
    const swapped = ten.map((row) => ({ ...row, sequence: places.get(row.sequence) ?? row.sequence }));
    expect((await verify(ten, swapped)).wrong).toMatchObject({ kind: 'reordered', sequence: 3, id: 'aud_7' });
    const neighbours = ten.map((row) => ({ ...row, sequence: { 5: 6, 6: 5 }[row.sequence] ?? row.sequence }));
    expect((await verify(ten, neighbours)).wrong).toMatchObject({
      kind: 'reordered',
      sequence: 5,
      id: 'aud_6',
    });
  });

  it('names a row that was pushed in between', async () => {
    const [row] = chainOf([anAct(99)], ten[3]);
    const pushed = ten.map((one) => (one.sequence > 4 ? { ...one, sequence: one.sequence + 1 } : one));
    const { wrong } = await verify(ten, [...pushed, row ?? never()]);
    expect(wrong).toMatchObject({ kind: 'inserted', sequence: 5, id: 'aud_99' });
  });

  it('names a row behind the end, and one of another chain', async () => {
    const behind = chainOf([anAct(99)], headOf(ten));
    expect((await verify(ten, [...ten, ...behind])).wrong).toMatchObject({ kind: 'inserted', sequence: 11 });
    const foreign = eventAfter(ten[3] ?? never(), 'ten_b', anAct(5));
    const put = edit(5, () => ({ ...foreign, tenantId: TENANT }));
    expect((await verify(ten, put)).wrong).toMatchObject({ kind: 'inserted', sequence: 5 });
  });

  it('notices a head that is gone or was set back', async () => {
    expect((await verify(ten, ten, { head: undefined })).wrong).toMatchObject({
      kind: 'removed',
      sequence: 11,
    });
    expect((await verify(ten.slice(0, 8), ten)).wrong).toMatchObject({ kind: 'inserted', sequence: 9 });
  });

  it('begins after the cut, if an event of the chain tells of it', async () => {
    const [, , , cut = never()] = ten;
    const { sequence, hash } = cut;
    const told = [
      ...ten,
      ...chainOf([anAct(11, { action: CUT_ACTION, metadata: { sequence, hash } })], headOf(ten)),
    ];
    const kept = told.filter((row) => row.sequence > sequence);
    expect(await verify(told, kept, { cut })).toMatchObject({ events: 7, verified: headOf(told) });
    expect((await verify(told, kept)).wrong).toMatchObject({ kind: 'removed', sequence: 1 });
    expect((await verify(told, told, { cut })).wrong).toMatchObject({ kind: 'inserted', sequence: 1 });
    const untold = ten.filter((row) => row.sequence > sequence);
    expect((await verify(ten, untold, { cut })).wrong).toMatchObject({ kind: 'removed', sequence });
  });

  it('finds a history that was rewritten from some point on by a checkpoint, and by nothing else', async () => {
    const other = chainOf(
      acts(10).map((act) => (act.id === 'aud_6' ? anAct(6, { action: 'election.deleted' }) : act)),
    );
    const signed = (sequence: number): ChainLink => ten[sequence - 1] ?? never();
    expect((await verify(other, other)).wrong).toBeUndefined();
    expect(await verify(other, other, { checkpoints: [signed(5)] })).toMatchObject({
      checkpoints: 1,
      events: 10,
    });
    expect((await verify(other, other, { checkpoints: [signed(8), signed(5)] })).wrong).toMatchObject({
      kind: 'rewritten',
      sequence: 8,
    });
  });

  it('finds an end that was cut off together with the head by a checkpoint', async () => {
    const short = ten.slice(0, 6);
    expect((await verify(short, short)).wrong).toBeUndefined();
    const { wrong } = await verify(short, short, { checkpoints: [headOf(ten)] });
    expect(wrong).toMatchObject({ kind: 'removed', sequence: 7 });
  });

  it('is not fooled by any single edit of any row, whatever is recorded', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        async (values, pick) => {
          const rows = chainOf(values.map((value, at) => anAct(at + 1, { metadata: { value } })));
          expect((await verify(rows, rows)).wrong).toBeUndefined();
          const at = pick % rows.length;
          const lie = rows.map((row, index) =>
            index === at ? { ...row, canonical: lieIn(row.canonical, pick) } : row,
          );
          expect((await verify(rows, lie)).wrong).toMatchObject({ sequence: at + 1 });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the canonical text', () => {
  it('is its own canonical form, whatever an act holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, name) => {
        const wild = `${name}\ud83d`;
        const targets = [{ type: 'api_key' as const, id: 'key_1', name: wild }];
        const [row = never()] = chainOf([anAct(1, { targets, metadata: { value, [wild]: wild } })]);
        expect(canonicalize(JSON.parse(row.canonical))).toBe(row.canonical);
        expect(row.canonical.isWellFormed()).toBe(true);
        expect(row.targetIds.join('')).not.toContain('\0');
      }),
      { numRuns: 300 },
    );
  });

  it('is the one that RFC 8785 gives for its own example', () => {
    const numbers = [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001];
    const [row = never()] = chainOf([anAct(1, { metadata: { numbers, literals: [null, true, false] } })]);
    expect(row.canonical).toContain(
      '"metadata":{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
    );
  });
});

/** Changes one letter. */
function lieIn(text: string, pick: number): string {
  const at = pick % text.length;
  return `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
}

function never(): never {
  throw new Error('never');
}
