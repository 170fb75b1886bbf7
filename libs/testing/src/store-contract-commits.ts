import { describe, expect, it } from '@jest/globals';
import { type Entry, type Guard, keys, type Outcome } from '#election';
import {
  commit,
  freshFolder,
  type Hands,
  put,
  readKey,
  readPrefix,
  remove,
  transition,
  within,
  write,
} from './store-contract-hands.js';

const values = (reads: Entry[][]): string[][] => reads.map((entries) => entries.map(({ value }) => value));
const kinds = (outcomes: Outcome[], kind: Outcome['kind']): number =>
  outcomes.filter((outcome) => outcome.kind === kind).length;

export function describeCommits(use: () => Hands): void {
  describe('guards', () => {
    describeKeyGuards(use);
    describeWideGuards(use);
  });
  describe('commit', () => {
    describeCommit(use);
    describeLimits(use);
  });
  describe('commits at the same moment', () => {
    describeRaces(use);
    describeCrowds(use);
  });
  describe('read', () => describeRead(use));
}

/** What a transition with this guard comes to. */
const judgeOn =
  (use: () => Hands) =>
  async (guard: Guard): Promise<Outcome['kind']> =>
    (await commit(use().first, transition([guard], [put(`${freshFolder()}seen`, 'x')]))).kind;

function describeKeyGuards(use: () => Hands): void {
  const judge = judgeOn(use);

  it('absent holds for a key that never was or was deleted, and for no other', async () => {
    const folder = freshFolder();
    await write(use().first, `${folder}here`, 'x');
    await write(use().first, `${folder}gone`, 'x');
    await commit(use().first, transition([], [remove(`${folder}gone`)]));
    expect(await judge({ kind: 'absent', key: `${folder}never` })).toBe('committed');
    expect(await judge({ kind: 'absent', key: `${folder}gone` })).toBe('committed');
    expect(await judge({ kind: 'absent', key: `${folder}here` })).toBe('refused');
  });

  it('revision holds for exactly the revision of the last change', async () => {
    const key = `${freshFolder()}key`;
    const created = await write(use().first, key, 'one');
    expect(await judge({ kind: 'revision', key, revision: created })).toBe('committed');
    const changed = await write(use().first, key, 'one');
    expect(changed).toBeGreaterThan(created);
    expect(await judge({ kind: 'revision', key, revision: created })).toBe('refused');
    expect(await judge({ kind: 'revision', key, revision: changed + 1 })).toBe('refused');
    expect(await judge({ kind: 'revision', key, revision: changed })).toBe('committed');
    await commit(use().first, transition([], [remove(key)]));
    expect(await judge({ kind: 'revision', key, revision: changed })).toBe('refused');
  });

  it('value holds for exactly that value and never for a missing key', async () => {
    const key = `${freshFolder()}key`;
    expect(await judge({ kind: 'value', key, value: '' })).toBe('refused');
    await write(use().first, key, 'grün');
    expect(await judge({ kind: 'value', key, value: 'grün' })).toBe('committed');
    expect(await judge({ kind: 'value', key, value: 'gr' })).toBe('refused');
    await write(use().first, key, '');
    expect(await judge({ kind: 'value', key, value: '' })).toBe('committed');
  });
}

function describeWideGuards(use: () => Hands): void {
  const judge = judgeOn(use);

  it('noneNewer looks at every key of the prefix, not at deleted ones, and not beyond the prefix', async () => {
    const folder = freshFolder();
    expect(await judge({ kind: 'noneNewer', prefix: folder, revision: 0 })).toBe('committed');
    const first = await write(use().first, `${folder}a`, 'x');
    const second = await write(use().first, `${folder}b`, 'x');
    await write(use().first, `${folder.slice(0, -1)}0beside`, 'x');
    expect(await judge({ kind: 'noneNewer', prefix: folder, revision: second })).toBe('committed');
    expect(await judge({ kind: 'noneNewer', prefix: folder, revision: second - 1 })).toBe('refused');
    await commit(use().first, transition([], [remove(`${folder}b`)]));
    expect(await judge({ kind: 'noneNewer', prefix: folder, revision: first })).toBe('committed');
    expect(await judge({ kind: 'noneNewer', prefix: folder, revision: first - 1 })).toBe('refused');
  });

  it('all guards of a transition have to hold', async () => {
    const folder = freshFolder();
    const revision = await write(use().first, `${folder}key`, 'x');
    const holds: Guard[] = [
      { kind: 'revision', key: `${folder}key`, revision },
      { kind: 'value', key: `${folder}key`, value: 'x' },
      { kind: 'absent', key: `${folder}other` },
      { kind: 'noneNewer', prefix: folder, revision },
    ];
    const target = [put(`${folder}done`, 'x')];
    const fails: Guard = { kind: 'value', key: `${folder}key`, value: 'y' };
    expect((await commit(use().first, transition([...holds, fails], target))).kind).toBe('refused');
    expect((await commit(use().first, transition(holds, target))).kind).toBe('committed');
  });
}

function describeCommit(use: () => Hands): void {
  it('writes everything at one revision, and the reads show the state right after', async () => {
    const folder = freshFolder();
    await write(use().first, `${folder}old`, 'x');
    const writes = [
      put(`${folder}a`, '1'),
      put(`${folder}b`, '2'),
      remove(`${folder}old`),
      remove(`${folder}none`),
    ];
    const reads = [readKey(`${folder}a`), readKey(`${folder}old`), readPrefix(folder)];
    const outcome = await commit(use().first, transition([], writes, reads));
    const { revision } = outcome;
    const a = { key: `${folder}a`, value: '1', createRevision: revision, modRevision: revision };
    const b = { key: `${folder}b`, value: '2', createRevision: revision, modRevision: revision };
    expect(outcome).toEqual({ kind: 'committed', revision, reads: [[a], [], [a, b]] });
  });

  it('writes nothing when refused, and the reads show what is there', async () => {
    const folder = freshFolder();
    const before = await write(use().first, `${folder}a`, 'old');
    const change = transition(
      [{ kind: 'absent', key: `${folder}a` }],
      [put(`${folder}a`, 'new'), put(`${folder}b`, 'new')],
      [readPrefix(folder)],
    );
    const outcome = await commit(use().first, change);
    expect(outcome.kind).toBe('refused');
    expect(outcome.revision).toBeGreaterThanOrEqual(before);
    const entry = { key: `${folder}a`, value: 'old', createRevision: before, modRevision: before };
    expect(outcome.reads).toEqual([[entry]]);
  });

  it('keeps the creation revision over changes and starts a new one after a deletion', async () => {
    const key = `${freshFolder()}key`;
    const created = await write(use().first, key, '1');
    await write(use().first, key, '2');
    const kept = await commit(use().first, transition([], [], [readKey(key)]));
    expect(kept.reads[0]?.[0]?.createRevision).toBe(created);
    await commit(use().first, transition([], [remove(key)]));
    const again = await write(use().first, key, '3');
    const renewed = await commit(use().first, transition([], [], [readKey(key)]));
    expect(renewed.reads[0]?.[0]).toMatchObject({ createRevision: again, modRevision: again });
  });
}

function describeLimits(use: () => Hands): void {
  it('takes a transition with 48 operations and 256 kB', async () => {
    const folder = freshFolder();
    const writes = Array.from({ length: 24 }, (_, i) => put(`${folder}${i}`, 'v'.repeat(10_900)));
    const reads = Array.from({ length: 24 }, (_, i) => readKey(`${folder}${i}`));
    const guards = Array.from({ length: 48 }, (_, i): Guard => ({ kind: 'absent', key: `${folder}${i}` }));
    const outcome = await commit(use().first, transition(guards, writes, reads));
    expect(outcome.kind).toBe('committed');
    expect(outcome.reads.flat()).toHaveLength(24);
  });

  it('refuses everything after close, and says that nothing was executed', async () => {
    const store = await use().another();
    const key = `${freshFolder()}key`;
    await store.close();
    await expect(store.commit(transition([], [put(key, 'x')]), within(1_000))).rejects.toMatchObject({
      code: 'store.unavailable',
      extras: { executed: false },
    });
    expect((await commit(use().first, transition([], [], [readKey(key)]))).reads).toEqual([[]]);
  });
}

function describeRaces(use: () => Hands): void {
  it('lets exactly one of many creations of a key win, and shows every loser the winner', async () => {
    const key = `${freshFolder()}key`;
    const { first, second } = use();
    const tries = Array.from({ length: 40 }, (_, i) =>
      commit(
        i % 2 === 0 ? first : second,
        transition([{ kind: 'absent', key }], [put(key, `try ${i}`)], [readKey(key)]),
      ),
    );
    const outcomes = await Promise.all(tries);
    expect(kinds(outcomes, 'committed')).toBe(1);
    const seen = new Set(outcomes.flatMap((outcome) => values(outcome.reads).flat()));
    expect([...seen]).toEqual([`try ${outcomes.findIndex(({ kind }) => kind === 'committed')}`]);
  });

  it('loses no increment of a counter that many raise under a value guard', async () => {
    const key = `${freshFolder()}counter`;
    await write(use().first, key, '0');
    const raise = async (store: Hands['first']): Promise<void> => {
      let value = '0';
      for (let tries = 0; tries < 500; tries += 1) {
        const change = transition(
          [{ kind: 'value', key, value }],
          [put(key, `${Number(value) + 1}`)],
          [readKey(key)],
        );
        const outcome = await commit(store, change);
        if (outcome.kind === 'committed') return;
        value = outcome.reads[0]?.[0]?.value ?? '';
      }
      throw new Error('The counter could not be raised.');
    };
    await Promise.all(Array.from({ length: 24 }, (_, i) => raise(i % 2 === 0 ? use().first : use().second)));
    expect(values((await commit(use().second, transition([], [], [readKey(key)]))).reads)).toEqual([['24']]);
  });

  it('never lets two transitions each win on the absence of what the other writes', async () => {
    for (let round = 0; round < 20; round += 1) {
      const folder = freshFolder();
      const [a, b] = [`${folder}a`, `${folder}b`];
      const outcomes = await Promise.all([
        commit(use().first, transition([{ kind: 'absent', key: b }], [put(a, 'x')])),
        commit(use().first, transition([{ kind: 'noneNewer', prefix: a, revision: 0 }], [put(b, 'x')])),
      ]);
      expect(kinds(outcomes, 'committed')).toBe(1);
    }
  });
}

function describeCrowds(use: () => Hands): void {
  it('answers each of 500 transitions with its own outcome', async () => {
    const folder = freshFolder();
    const changes = Array.from({ length: 500 }, (_, i) => {
      const key = `${folder}${i}`;
      const guard: Guard = i % 3 === 0 ? { kind: 'value', key, value: 'no' } : { kind: 'absent', key };
      return commit(use().first, transition([guard], [put(key, `v${i}`)], [readKey(key)]));
    });
    const outcomes = await Promise.all(changes);
    const expected = outcomes.map((_, i) => (i % 3 === 0 ? ['refused', [[]]] : ['committed', [[`v${i}`]]]));
    expect(outcomes.map((outcome) => [outcome.kind, values(outcome.reads)])).toEqual(expected);
  });
}

function describeRead(use: () => Hands): void {
  it('sees what another store was told is committed', async () => {
    const key = `${freshFolder()}key`;
    for (let i = 0; i < 20; i += 1) {
      const revision = await write(use().first, key, `${i}`);
      const answer = await use().second.read([readKey(key)], within(5_000));
      expect(answer.revision).toBeGreaterThanOrEqual(revision);
      expect(values(answer.reads)).toEqual([[`${i}`]]);
    }
  });

  it('lists a prefix in key order, up to its limit, without a longer name that begins alike', async () => {
    const folder = freshFolder();
    for (const name of ['b', 'a/2', 'a/1', 'a0', 'ab/1']) await write(use().first, `${folder}${name}`, name);
    const reads = [
      readPrefix(`${folder}a/`),
      readPrefix(`${folder}a`),
      readPrefix(folder, 2),
      readPrefix(`${folder}c`),
    ];
    const answer = await use().first.read(reads, within(5_000));
    expect(values(answer.reads)).toEqual([['a/1', 'a/2'], ['a/1', 'a/2', 'a0', 'ab/1'], ['a/1', 'a/2'], []]);
  });

  it('lists a prefix from after a key on, whether that key is there or not', async () => {
    const folder = freshFolder();
    for (const name of ['1', '10', '2', '3']) await write(use().first, `${folder}${name}`, name);
    const reads = ['1', '11', '3', '0'].map((name) => ({
      kind: 'prefix' as const,
      prefix: folder,
      after: `${folder}${name}`,
      limit: 2,
    }));
    const answer = await use().first.read(reads, within(5_000));
    expect(values(answer.reads)).toEqual([['10', '2'], ['2', '3'], [], ['1', '10']]);
  });

  it('answers with more than 4 MB', async () => {
    const folder = freshFolder();
    const large = 'v'.repeat(250_000);
    for (let i = 0; i < 20; i += 1) await write(use().first, `${folder}${i}`, large);
    const answer = await use().first.read([readPrefix(folder)], within(10_000));
    expect(answer.reads[0]?.reduce((sum, { value }) => sum + value.length, 0)).toBe(20 * large.length);
  });

  it('makes no revision, and reads nothing where nothing is asked for', async () => {
    const before = await use().first.read([], within(5_000));
    for (let i = 0; i < 50; i += 1) await use().first.read([readPrefix('x/')], within(5_000));
    const after = await use().first.read([], within(5_000));
    expect(after.reads).toEqual([]);
    // A heartbeat of the store itself may fall in between.
    expect(after.revision - before.revision).toBeLessThan(50);
  });

  it('shows the epoch that guards every commit', async () => {
    expect(use().first.epoch()).toEqual({ epoch: 0, settled: true });
    const answer = await use().second.read([readKey(keys.epoch)], within(5_000));
    expect(answer.reads[0]?.map(({ value }) => JSON.parse(value) as unknown)).toEqual([use().second.epoch()]);
  });
}
