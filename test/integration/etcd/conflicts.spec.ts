import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Entry, Guard, Outcome, Read, Transition, Write } from '#election';
import type { EtcdElectionStore } from '#etcd';
import { type EtcdHandle, startPrivateEtcd } from '#testing';
import { base64, gateway, openStore, PREFIX, within } from './fixture.js';

/** Few keys, two of them prefixes of others, so that most transitions have to do with each other. */
const NAMES = ['a', 'a/1', 'a/10', 'a/2', 'b', 'b/1'];
const PREFIXES = ['a', 'a/', 'a/1', 'b/', ''];
/** Stands for the revision of a key before the transitions of a run, which is known only then. */
const BEFORE = -1;

const name = fc.constantFrom(...NAMES);
const value = fc.constantFrom('0', '1');
const guard: fc.Arbitrary<Guard> = fc.oneof(
  fc.record({ kind: fc.constant('absent' as const), key: name }),
  fc.record({ kind: fc.constant('value' as const), key: name, value }),
  fc.record({ kind: fc.constant('revision' as const), key: name, revision: fc.constant(BEFORE) }),
  fc.record({
    kind: fc.constant('noneNewer' as const),
    prefix: fc.constantFrom(...PREFIXES),
    revision: fc.constant(BEFORE),
  }),
);
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key: name, value }),
  fc.record({ kind: fc.constant('delete' as const), key: name }),
);
const read: fc.Arbitrary<Read> = fc.oneof(
  fc.record({ kind: fc.constant('key' as const), key: name }),
  fc.record({ kind: fc.constant('prefix' as const), prefix: fc.constantFrom(...PREFIXES) }),
);
const changing: fc.Arbitrary<Transition> = fc.record({
  guards: fc.array(guard, { maxLength: 2 }),
  writes: fc.uniqueArray(write, { maxLength: 2, selector: ({ key }) => key }),
  reads: fc.array(read, { maxLength: 2 }),
});
/** What only reads may follow what it reads in one group. */
const look: fc.Arbitrary<Transition> = fc.record({
  guards: fc.constant([]),
  writes: fc.constant([]),
  reads: fc.array(read, { minLength: 1, maxLength: 2 }),
});
const transition = fc.oneof({ weight: 3, arbitrary: changing }, { weight: 1, arbitrary: look });
const content = fc.uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key });

/** What a transition came to, without revisions: those differ between one group and a row of transactions. */
interface Told {
  kind: Outcome['kind'];
  reads: string[][];
}

/** A store as simple as can be: `fresh` keys were changed since the start. */
class Model {
  readonly #values: Map<string, { value: string; fresh: boolean }>;

  constructor(entries: Iterable<readonly [string, string]>) {
    this.#values = new Map([...entries].map(([key, text]) => [key, { value: text, fresh: false }]));
  }

  apply({ guards, writes, reads }: Transition, existed: ReadonlySet<string>): Told {
    const holds = guards.every((each) => this.#holds(each, existed));
    if (holds) {
      for (const each of writes) {
        if (each.kind === 'put') this.#values.set(each.key, { value: each.value, fresh: true });
        else this.#values.delete(each.key);
      }
    }
    return { kind: holds ? 'committed' : 'refused', reads: reads.map((each) => this.#read(each)) };
  }

  content(): string[] {
    return this.#read({ kind: 'prefix', prefix: '' });
  }

  #holds(each: Guard, existed: ReadonlySet<string>): boolean {
    if (each.kind === 'noneNewer') {
      return [...this.#values].every(([key, { fresh }]) => !key.startsWith(each.prefix) || !fresh);
    }
    const found = this.#values.get(each.key);
    if (each.kind === 'absent') return found === undefined;
    if (each.kind === 'value') return found?.value === each.value;
    return found !== undefined && !found.fresh && existed.has(each.key);
  }

  #read(each: Read): string[] {
    const below = (key: string): boolean =>
      each.kind === 'key' ? key === each.key : key.startsWith(each.prefix);
    return [...this.#values]
      .filter(([key]) => below(key))
      .map(([key, kept]) => `${key}=${kept.value}`)
      .sort();
  }
}

const NOTHING: Transition = { guards: [], writes: [], reads: [] };
const text = (encoded: string): string => Buffer.from(encoded, 'base64').toString();
const successor = (character: string): string => String.fromCharCode(character.charCodeAt(0) + 1);

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, place) => [...order.slice(0, place), count - 1, ...order.slice(place)]),
  );
}

describe('transitions that are committed at the same moment', () => {
  let etcd: EtcdHandle;
  let store: EtcdElectionStore;
  const groups: number[] = [];
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    store = await openStore(etcd.urls, { meter: { groupSent: (size) => groups.push(size) } });
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await etcd.stop();
  });

  let runs = 0;

  /** What was read must be what etcd held at the revision of the answer, whoever shared the group. */
  async function expectTrueReads(
    { reads }: Transition,
    outcome: Exclude<Outcome, { kind: 'fenced' }>,
  ): Promise<void> {
    for (const [index, each] of reads.entries()) {
      const key = PREFIX + (each.kind === 'key' ? each.key : each.prefix);
      const end =
        each.kind === 'key' ? {} : { range_end: base64(`${key.slice(0, -1)}${successor(key.slice(-1))}`) };
      const { revision } = outcome;
      const found = await gateway(etcd.urls[0] ?? '', 'kv/range', { key: base64(key), ...end, revision });
      const kvs = (found['kvs'] ?? []) as { key: string; value?: string; mod_revision: string }[];
      const truth = kvs.map((kv) => [kv.mod_revision, text(kv.key), text(kv.value ?? '')].join(' '));
      const told = (outcome.reads[index] ?? []).map(
        (entry) => `${entry.modRevision} ${PREFIX}${entry.key} ${entry.value}`,
      );
      expect(told).toEqual(truth);
    }
  }

  /** Runs the transitions on real etcd in a folder of their own and names keys as the model does. */
  async function runOnEtcd(start: (readonly [string, string])[], changes: Transition[]) {
    runs += 1;
    const folder = `run${runs}/`;
    const puts = start.map(([key, text]) => ({ kind: 'put' as const, key: folder + key, value: text }));
    const begun = await store.commit({ guards: [], writes: puts, reads: [] }, within(10_000));
    if (begun.kind === 'fenced')
      throw new Error('The outcome is unknown although nothing disturbs the store.');
    const strip = (entries: Entry[]): string[] =>
      entries.map((entry) => `${entry.key.slice(folder.length)}=${entry.value}`).sort();
    const outcomes = await Promise.all(
      changes.map((change) => store.commit(relocate(change, folder, begun.revision), within(10_000))),
    );
    const told = outcomes.map((outcome): Told => {
      if (outcome.kind === 'fenced')
        throw new Error('The outcome is unknown although nothing disturbs the store.');
      return { kind: outcome.kind, reads: outcome.reads.map(strip) };
    });
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.kind !== 'fenced')
        await expectTrueReads(relocate(changes[index] ?? NOTHING, folder, 0), outcome);
    }
    const end = await store.read([{ kind: 'prefix', prefix: folder }], within(10_000));
    return { told, content: strip(end.reads[0] ?? []) };
  }

  it('come to what some order of single transactions comes to', async () => {
    const property = fc.asyncProperty(
      content,
      fc.array(transition, { minLength: 2, maxLength: 5 }),
      async (start, changes) => {
        const seen = JSON.stringify(await runOnEtcd(start, changes));
        const existed = new Set(start.map(([key]) => key));
        const explained = permutations(changes.length).some((order) => {
          const model = new Model(start);
          const told: Told[] = [];
          for (const index of order) {
            const change = changes[index];
            if (change) told[index] = model.apply(change, existed);
          }
          return JSON.stringify({ told, content: model.content() }) === seen;
        });
        expect({ seen, explained }).toEqual({ seen, explained: true });
      },
    );
    await fc.assert(property, { numRuns: 600 });
    // The property says nothing unless transitions did share groups.
    expect(groups.filter((size) => size > 1).length).toBeGreaterThan(300);
  }, 120_000);
});

/** Moves a transition into a folder and fills in the revision that everything had before the run. */
function relocate({ guards, writes, reads }: Transition, folder: string, revision: number): Transition {
  return {
    guards: guards.map((each): Guard => {
      if (each.kind === 'noneNewer') return { ...each, prefix: folder + each.prefix, revision };
      return each.kind === 'revision'
        ? { ...each, key: folder + each.key, revision }
        : { ...each, key: folder + each.key };
    }),
    writes: writes.map((each) => ({ ...each, key: folder + each.key })),
    reads: reads.map((each) =>
      each.kind === 'key' ? { ...each, key: folder + each.key } : { ...each, prefix: folder + each.prefix },
    ),
  };
}
