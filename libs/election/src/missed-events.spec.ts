import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { missedSince, MOST_MISSED, type Place } from './missed-events.js';
import { RecentEvents } from './recent-events.js';
import type { EventRecord } from './records.js';

const event = (sequence: number, electionId = 'elc_a'): EventRecord =>
  ({ electionId, epoch: 0, sequence, id: `${electionId} ${sequence}` }) as EventRecord;
const events = (from: number, to: number): EventRecord[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => event(from + index));
const after = (all: readonly EventRecord[], place: Place): EventRecord[] =>
  all.filter(({ sequence }) => sequence > place.sequence);

interface Held {
  recent?: EventRecord[];
  outbox?: EventRecord[];
  past?: EventRecord[] | Error;
}

async function missed(from: number, newest: number, { recent = [], outbox = [], past = [] }: Held) {
  const found = await missedSince({ epoch: 0, sequence: from }, newest, {
    recent: () => recent,
    outbox: async (place) => after(outbox, place),
    past: async (place) => {
      if (past instanceof Error) throw past;
      return after(past, place);
    },
  });
  return found?.map(({ sequence }) => sequence);
}

describe('what a stream has missed', () => {
  it('is found wherever the relay has brought it by now, whole and without repeats, or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20),
        fc.nat(20),
        fc.nat(20),
        fc.nat(25),
        async (from, relayed, kept, newest) => {
          const outbox = events(relayed + 1, newest);
          // Removed a little later than recorded: some are in both.
          const past = events(Math.min(kept, relayed), Math.min(relayed + 2, newest));
          const found = await missed(from, newest, { outbox, past });
          const first = Math.min(kept, relayed);
          const reachable = from >= first - 1 || from >= relayed;
          if (from > newest) expect(found).toBeUndefined();
          else if (reachable) expect(found).toEqual(events(from + 1, newest).map(({ sequence }) => sequence));
          else expect(found === undefined || found.length === newest - from).toBe(true);
        },
      ),
    );
  });

  it('is served from memory without asking anybody', async () => {
    const asked = (): never => {
      throw new Error('asked');
    };
    const sources = { recent: () => events(3, 9), outbox: asked, past: asked };
    const found = await missedSince({ epoch: 0, sequence: 5 }, 9, sources);
    expect(found?.map(({ sequence }) => sequence)).toEqual([6, 7, 8, 9]);
  });

  it('is not served from a memory with a hole in it', async () => {
    const torn = [...events(1, 3), ...events(5, 9)];
    expect(await missed(2, 9, { recent: torn })).toBeUndefined();
    expect(await missed(2, 9, { recent: torn, outbox: events(1, 9) })).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  it('cannot be told when the record cannot be asked', async () => {
    expect(await missed(2, 9, { outbox: events(8, 9), past: new Error('away') })).toBeUndefined();
  });

  it('is not told when it is too much, although it is there', async () => {
    const all = events(1, MOST_MISSED + 1);
    expect(await missed(0, MOST_MISSED + 1, { outbox: all })).toBeUndefined();
    expect(await missed(1, MOST_MISSED + 1, { outbox: all })).toHaveLength(MOST_MISSED);
  });
});

describe('recent events', () => {
  it('keep the newest of all elections together, each in order, and forget the oldest', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 60 }), (elections) => {
        const recent = new RecentEvents(10);
        const all = elections.map((electionId, sequence) => event(sequence, electionId));
        for (const one of all) recent.add(one);
        for (const electionId of ['a', 'b', 'c']) {
          const expected = all.slice(-10).filter((one) => one.electionId === electionId);
          expect(recent.of(electionId)).toEqual(expected);
        }
      }),
    );
  });
});
