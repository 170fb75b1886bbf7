import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Interleaving, type Mutation } from '#testing';

const step = fc.tuple(fc.nat(99), fc.nat(9), fc.nat(99));
const schedule = fc.array(step, { minLength: 20, maxLength: 150, size: 'max' });

type Step = [number, number, number];

function play(steps: readonly Step[], lacks?: Mutation): Interleaving {
  const run = new Interleaving(3, lacks);
  for (const [what, where, whose] of steps) run.step(what, where, whose);
  run.quiesce();
  return run;
}

/** The same without expiry and settling: joins and resignations alone must leave a leader. */
function playWithoutDeaths(steps: readonly Step[], lacks?: Mutation): Interleaving {
  const run = new Interleaving(3, lacks);
  const allowed = [0, 1, 2, 3, 6, 7, 8];
  for (const [what, where, whose] of steps) run.step(allowed[what % allowed.length] ?? 0, where, whose);
  run.arriveWithoutSettling();
  return run;
}

/** Whether some schedule breaks a promise when the guards named by `lacks` are left out. */
function isCaught(game: typeof play, lacks: Mutation): boolean {
  const found = fc.check(
    fc.property(schedule, (steps) => game(steps, lacks).violations.length === 0),
    { numRuns: 3_000, seed: 11, endOnFailure: true },
  );
  return found.failed;
}

describe('decide, over random interleavings of lagging replicas', () => {
  it('never lets two believe, never passes a live waiter over, never lets a fence fall, and leaves a leader', () => {
    fc.assert(
      fc.property(schedule, (steps) => {
        expect(play(steps).violations).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never lets a join and a resignation, or two resignations, miss each other', () => {
    fc.assert(
      fc.property(schedule, (steps) => {
        expect(playWithoutDeaths(steps).violations).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  const guards: [string, typeof play, Mutation][] = [
    ['that a passed-over waiter is dead', play, (g) => g.kind === 'absent' && g.key.startsWith('s/')],
    ['that the successor still stands', play, (g) => g.kind === 'revision' && g.key.includes('/c/')],
    ['that the successor lives', play, (g) => g.kind === 'value' && g.key.startsWith('s/')],
    ['the leader revision', play, (g) => g.kind !== 'noneNewer' && g.key.endsWith('/leader')],
    ['that nobody joined a vacancy unseen', playWithoutDeaths, (g) => g.kind === 'noneNewer'],
  ];

  it.each(guards)('would be caught without the guard %s', (_guard, game, lacks) => {
    expect(isCaught(game, lacks)).toBe(true);
  });
});
