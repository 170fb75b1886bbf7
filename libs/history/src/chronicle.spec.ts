import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type EventRecord,
  fenceOf,
  type PublicCandidate,
  type RelayedEvent,
  type TermRecord,
} from '#election';
import { chronicle, MOST_RECONSTRUCTED, type Recorded, type TermEvidence, unrecorded } from './chronicle.js';
import type { LeadershipTermRow } from './leadership-term.entity.js';

const NOTHING: Recorded = { progress: undefined, lastTerms: new Map() };
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const at = (second: number): string => new Date(START_MS + second * 1_000).toISOString();
const candidate = (term: number): PublicCandidate => ({ name: `c${term}`, candidateId: `cnd_${term}` });
const noEvidence: TermEvidence = () => undefined;

/** How a term ends in the model: by resigning into a vacancy, or to a successor. */
type Ending = 'vacant' | 'succeeded';

/** The events that an election with these terms tells, a second apart from step to step. */
function storyOf(endings: readonly Ending[]): RelayedEvent[] {
  const events: RelayedEvent[] = [];
  let second = 0;
  const tell = (type: EventRecord['type'], term: number): void => {
    const acquired = type === 'leadership.acquired';
    events.push({
      id: `evt_${events.length + 1}`,
      type,
      tenantId: 'ten_a',
      electionId: 'elc_a',
      election: 'billing',
      seat: 0,
      epoch: 0,
      sequence: events.length + 1,
      revision: 10 * (events.length + 1),
      term,
      fence: fenceOf(0, term),
      leader: acquired ? candidate(term) : null,
      previousLeader: acquired ? null : candidate(term),
      ...(!acquired && { reason: 'resigned' }),
      by: { type: 'participant', id: `cnd_${term}` },
      occurredAt: at(second),
    });
  };
  for (const [index, ending] of endings.entries()) {
    tell('leadership.acquired', index + 1);
    second += 1;
    tell('leadership.lost', index + 1);
    if (ending === 'vacant') {
      tell('election.vacant', index + 1);
      second += 1;
    }
  }
  return events;
}

/** Takes batches in one after the other, as the writer does. */
function record(batches: readonly (readonly RelayedEvent[])[], evidence = noEvidence) {
  const terms = new Map<number, LeadershipTermRow>();
  const events: { id: string; missingBefore: number }[] = [];
  let recorded: Recorded = NOTHING;
  for (const batch of batches) {
    const made = chronicle(recorded, unrecorded(recorded.progress, batch), evidence);
    for (const row of made.terms) terms.set(row.fence, row);
    events.push(...made.events);
    const last = [...terms.values()].toSorted((a, b) => b.fence - a.fence)[0];
    recorded = { progress: made.progress, lastTerms: new Map(last ? [[0, last]] : []) };
  }
  return { terms: [...terms.values()].toSorted((a, b) => a.fence - b.fence), events };
}

const endings = fc.array(fc.constantFrom<Ending>('vacant', 'succeeded'), { minLength: 1, maxLength: 12 });
const numbers = fc.array(fc.nat(1_000), { minLength: 0, maxLength: 12 });

/** Cuts into batches, some of which begin again before where the last one ended. */
function cut(events: readonly RelayedEvent[], cuts: readonly number[], overlaps: readonly number[]) {
  const places = [...new Set(cuts.map((place) => place % events.length)), events.length].sort(
    (a, b) => a - b,
  );
  let from = 0;
  return places.map((to, index) => {
    const batch = events.slice(Math.max(0, from - ((overlaps[index] ?? 0) % 5)), to);
    from = to;
    return batch;
  });
}

describe('the chronicle of an election', () => {
  it('is the same however the events are cut into batches and however often they come', () => {
    fc.assert(
      fc.property(endings, numbers, numbers, (story, cuts, overlaps) => {
        const events = storyOf(story);
        expect(record(cut(events, cuts, overlaps))).toEqual(record([events]));
      }),
    );
  });

  it('holds every event once, and every term with its leader, start, end and the vacancy before it', () => {
    fc.assert(
      fc.property(endings, (story) => {
        const events = storyOf(story);
        const { terms, events: rows } = record([events]);
        expect(rows.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
        expect(terms.map(({ term }) => term)).toEqual(story.map((_, index) => index + 1));
        for (const [index, row] of terms.entries()) {
          const vacancyMs = index === 0 ? null : story[index - 1] === 'vacant' ? 1_000 : 0;
          const expected = {
            leader: candidate(row.term),
            reason: 'resigned',
            reconstructed: false,
            vacancyMs,
          };
          expect(row).toMatchObject(expected);
          expect((row.endedAt?.getTime() ?? 0) - (row.startedAt?.getTime() ?? 0)).toBe(1_000);
        }
      }),
    );
  });

  it('has no hole in its terms and marks what it lost, whichever events are lost', () => {
    fc.assert(
      fc.property(endings, numbers, (story, lost) => {
        const events = storyOf(story);
        const missing = new Set(lost.map((place) => place % events.length));
        const left = events.filter((_, index) => !missing.has(index));
        const { terms, events: rows } = record([left]);
        const newest = left.at(-1)?.term ?? 0;
        expect(terms.map(({ term }) => term)).toEqual(
          Array.from({ length: newest }, (_, index) => index + 1),
        );
        const holes = rows.reduce((sum, { missingBefore }) => sum + missingBefore, 0);
        expect(holes + rows.length).toBe(left.at(-1)?.sequence ?? 0);
        const whole = record([events]).terms;
        for (const row of terms) {
          if (row.reconstructed) continue;
          const { endedAt, reason, causedBy, vacancyMs: _vacancyMs, ...start } = row;
          const truth = whole[row.term - 1];
          expect(truth).toMatchObject(start);
          // The last one may run on: its end is not told yet.
          if (endedAt) expect(truth).toMatchObject({ endedAt, reason, causedBy });
          else expect(row.term).toBe(newest);
        }
      }),
    );
  });

  it('proves leader and end of a term whose start was lost by the event that ended it', () => {
    const [, lost] = storyOf(['vacant']);
    const { terms } = record([lost ? [lost] : []]);
    expect(terms).toEqual([
      expect.objectContaining({
        leader: candidate(1),
        startedAt: null,
        endedAt: new Date(at(1)),
        causedBy: { type: 'participant', id: 'cnd_1' },
        reconstructed: true,
      }),
    ]);
  });

  it('takes the start from the term record where that is of the very term', () => {
    const [, lost] = storyOf(['vacant']);
    const proof: TermRecord = { epoch: 0, term: 1, since: at(0), leader: candidate(1), sessionId: 'ses_1' };
    const { terms } = record([lost ? [lost] : []], () => proof);
    expect(terms[0]).toMatchObject({ startedAt: new Date(at(0)), reconstructed: true });
    const other = record([lost ? [lost] : []], () => ({ ...proof, term: 2 }));
    expect(other.terms[0]?.startedAt).toBeNull();
  });

  it('numbers what it cannot list: of a million lost terms it lists the newest and counts the rest', () => {
    const [first] = storyOf(['vacant']);
    const event = { ...first, term: 1_000_001, fence: 1_000_001 } as RelayedEvent;
    const { terms } = record([[event]]);
    expect(terms).toHaveLength(MOST_RECONSTRUCTED + 1);
    expect(terms[0]?.missingBefore).toBe(1_000_000 - MOST_RECONSTRUCTED);
    expect(terms.at(-1)).toMatchObject({ term: 1_000_001, reconstructed: false, missingBefore: 0 });
  });

  it('goes on in a higher epoch, where numbers may begin anew, and marks only what is missing', () => {
    const events = storyOf(['vacant', 'vacant']);
    const restored = events.slice(0, 2).map((event) => ({
      ...event,
      epoch: 1,
      sequence: event.sequence + 3,
      term: 2,
      fence: fenceOf(1, 2),
    }));
    const { terms, events: rows } = record([events, restored]);
    expect(rows.slice(6).map(({ missingBefore }) => missingBefore)).toEqual([0, 0]);
    expect(terms.map(({ epoch, term, reconstructed }) => [epoch, term, reconstructed])).toEqual([
      [0, 1, false],
      [0, 2, false],
      [1, 2, false],
    ]);
  });
});
