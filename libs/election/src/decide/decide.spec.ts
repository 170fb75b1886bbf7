import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Interleaving, type Model, type Mutation, type Step } from '#testing';

type Move = [what: number, where: number, whose: number];

const move = fc.tuple(fc.nat(99), fc.nat(9), fc.nat(99));
const schedule = fc.array(move, { minLength: 20, maxLength: 150, size: 'max' });

/** How often each step is drawn: what moves things on more often than what causes them. */
const COMING_AND_GOING: readonly Step[] = [
  ...(['campaign', 'campaign', 'resign', 'stepDown', 'renew', 'answer'] as const),
  ...(['commit', 'commit', 'commit', 'deliver', 'deliver'] as const),
];
const WITH_DEATHS: readonly Step[] = [...COMING_AND_GOING, 'expire', 'settle'];
const WITH_POLICIES: readonly Step[] = [
  ...WITH_DEATHS,
  ...(['settle', 'replace', 'replace', 'time', 'appraise', 'renew', 'answer', 'commit', 'deliver'] as const),
];
const WITH_OPERATORS: readonly Step[] = [...WITH_POLICIES, 'handOver', 'handOver', 'cancel', 'seats'];

type Game = (moves: readonly Move[], lacks?: Mutation) => Interleaving;

function game(steps: readonly Step[], model: Partial<Model>, settles = true): Game {
  return (moves, lacks) => {
    const run = new Interleaving({ replicas: 3, ...model, ...(lacks && { lacks }) });
    for (const [what, where, whose] of moves) run.step(steps[what % steps.length] ?? 'commit', where, whose);
    if (settles) run.quiesce();
    else run.arriveWithoutSettling();
    return run;
  };
}

const PREEMPTION = { policy: 'priority', preemption: true } as const;
const ROTATION = { policy: 'rotation', maxTermMs: 500 } as const;

const fifo = game(WITH_DEATHS, {});
const fifoAlone = game(COMING_AND_GOING, {}, false);
const seatsAlone = game(COMING_AND_GOING, { settings: { seats: 2 } }, false);
const crowdAlone = game(COMING_AND_GOING, { settings: { seats: 2 }, crowd: 3 }, false);
const seats = game(WITH_DEATHS, { settings: { seats: 3 }, crowd: 5 });
const priority = game(WITH_DEATHS, { settings: { policy: 'priority' }, crowd: 3 });
const preempting = game(WITH_POLICIES, { settings: PREEMPTION, crowd: 3 });
const operated = game(WITH_OPERATORS, { crowd: 3 });
const everything = game(WITH_OPERATORS, { settings: { ...PREEMPTION, seats: 2, graceMs: 300 }, crowd: 4 });
// Who ranks highest may change within one transition; which moment counts then nobody can tell from outside.
const WITHOUT_APPRAISALS = WITH_OPERATORS.filter((step) => step !== 'appraise');
const composed = game(WITHOUT_APPRAISALS, {
  ...{ settings: { ...PREEMPTION, seats: 2, graceMs: 300 }, crowd: 4, composes: true },
});
const crowdComposed = game(COMING_AND_GOING, { settings: { seats: 2 }, crowd: 3, composes: true }, false);
const rotating = game(WITH_OPERATORS, { settings: { ...ROTATION, seats: 2 }, crowd: 4 });

/** Whether some schedule breaks a promise when the guards named by `lacks` are left out. */
function isCaught(play: Game, lacks: Mutation): boolean {
  const found = fc.check(
    fc.property(schedule, (moves) => play(moves, lacks).violations.length === 0),
    { numRuns: 3_000, seed: 11, endOnFailure: true },
  );
  return found.failed;
}

describe('decide, over random interleavings of lagging replicas and late answers', () => {
  const games: [string, Game][] = [
    ['one seat, in the order of joining', fifo],
    ['one seat, joins and resignations alone, before anything is settled', fifoAlone],
    ['two seats, joins and resignations alone, before anything is settled', seatsAlone],
    ['two seats and a crowd, joins and resignations alone', crowdAlone],
    ['three seats', seats],
    ['the highest priority first', priority],
    ['with preemption', preempting],
    ['with hand-overs, cancelled ones and changing seats', operated],
    ['with preemption, grace, hand-overs and changing seats', everything],
    ['rotation in two seats, with hand-overs', rotating],
    ['several commands in one transition', composed],
    ['several joins and resignations in one transition', crowdComposed],
  ];

  it.each(games)(
    'lets at most one believe per seat, passes nobody over, lets no fence fall and no seat go without a leader: %s',
    (_name, play) => {
      fc.assert(
        fc.property(schedule, (moves) => {
          expect(play(moves).violations).toEqual([]);
        }),
        { numRuns: 120 },
      );
    },
  );

  const guards: [string, Game, Mutation][] = [
    ['that a passed-over waiter is dead', fifo, (g) => g.kind === 'absent' && g.key.startsWith('s/')],
    ['that the successor still stands', fifo, (g) => g.kind === 'revision' && g.key.includes('/c/')],
    ['that the successor lives', fifo, (g) => g.kind === 'value' && g.key.startsWith('s/')],
    ['the leader revision', fifo, (g) => g.kind !== 'noneNewer' && g.key.endsWith('/leader')],
    [
      'the leader revision when it is replaced',
      operated,
      (g) => g.kind === 'revision' && g.key.endsWith('/leader'),
    ],
    ['that nobody joined a vacancy unseen', fifoAlone, (g) => g.kind === 'noneNewer'],
    ['that nobody joined a vacancy of several unseen', seatsAlone, (g) => g.kind === 'noneNewer'],
    ['that nobody joined unseen where candidates are ranked', priority, (g) => g.kind === 'noneNewer'],
    [
      'the settings, which say how many seats there are',
      operated,
      (g) => g.kind !== 'noneNewer' && g.key.endsWith('/config'),
    ],
    [
      'that no other seat took the candidate',
      seats,
      (g) => g.kind !== 'noneNewer' && g.key.endsWith('/head'),
    ],
  ];

  it.each(guards)('would be caught without the guard %s', (_guard, play, lacks) => {
    expect(isCaught(play, lacks)).toBe(true);
  });
});
