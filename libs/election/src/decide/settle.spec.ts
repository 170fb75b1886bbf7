import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Contest } from '#testing';
import { type ElectionSettings, MOST_SEATS } from '../records.js';
import { Draft } from './draft.js';
import { needsSettling } from './settle.js';

/** etcd refuses a transaction of more operations, nested ones and those of the group around them included. */
const MOST_OPERATIONS = 100;

function needs(contest: Contest): boolean {
  return needsSettling(new Draft(contest.situation(), ''), true);
}

const NAMES = ['a', 'b', 'c', 'd', 'e'];

const settingsOf = fc.oneof(
  fc.constant<Partial<ElectionSettings>>({ policy: 'fifo', takeoverDelayMs: 500 }),
  fc.constant<Partial<ElectionSettings>>({ policy: 'priority', preemption: true, minTermMs: 700 }),
  fc.constant<Partial<ElectionSettings>>({ policy: 'rotation', maxTermMs: 900, graceMs: 300 }),
  fc.constant<Partial<ElectionSettings>>({ policy: 'sticky', takeoverDelayMs: 500, graceMs: 200 }),
  fc.constant<Partial<ElectionSettings>>({
    ...{ policy: 'health', healthFloor: 50, shortTermMs: 1_000, backoffMs: 400, quarantineAfter: 3 },
  }),
  fc.constant<Partial<ElectionSettings>>({ policy: 'manual' }),
);

/** One thing that happens; refusals are as good as anything. */
async function happen(contest: Contest, what: number, whose: number, how: number): Promise<void> {
  const name = NAMES[whose % NAMES.length] ?? 'a';
  const seat = how % 3;
  const attempts: (() => unknown)[] = [
    () => contest.campaign(name, { priority: how % 5, health: (how * 7) % 101 }),
    () => contest.campaign(name, { priority: how % 5 }),
    () => contest.stepDown(name),
    () => contest.resign(name, how % 2 === 0),
    () => contest.die(name),
    () =>
      contest.handOver('transfer', { seat, to: name, fallback: how % 2 ? 'next' : 'cancel', graceMs: how }),
    () => contest.handOver(how % 2 ? 'depose' : 'step_down', { seat, graceMs: how % 3 === 0 ? 0 : 300 }),
    () => contest.handOver('step_down', { seat, mode: 'immediate' }),
    () => contest.cancel(contest.handOverOf(seat)?.handOverId ?? ''),
    () => contest.change({ seats: 1 + (how % 3) }, { retireSeats: true }),
    () => contest.change({}, { pinned: how % 2 ? name : null }),
    () => phase(contest, how % 2 ? 'open' : 'paused', how * 31 + whose),
    () => contest.run({ kind: 'conduct', name, lift: how % 2 === 0, act: contest.act() }),
    () => contest.run({ kind: 'appraise', name, qualities: { priority: how % 7 }, act: contest.act() }),
    () => contest.replace(seat),
    () => contest.clock.advance(how * 20),
    () => contest.relist(),
  ];
  try {
    await attempts[what % attempts.length]?.();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) && !/does not take part/.test(String(error)))
      throw error;
  }
}

function phase(contest: Contest, state: 'open' | 'paused', salt: number): void {
  const act = contest.act();
  contest.run({ kind: 'change', settings: {}, state, changeId: `phase-${salt}-${act.id}`, act });
}

const happening = fc.tuple(fc.nat(16), fc.nat(4), fc.nat(60));

describe('settling', () => {
  it('is called for exactly when it changes something, and comes to an end, whatever has happened', async () => {
    await fc.assert(
      fc.asyncProperty(settingsOf, fc.array(happening, { maxLength: 40 }), async (settings, story) => {
        const contest = new Contest(settings);
        for (const [what, whose, how] of story) {
          await happen(contest, what, whose, how);
          for (let rounds = 0; needs(contest); rounds += 1) {
            expect(contest.settle().draft.changesNothing).toBe(false);
            expect(rounds).toBeLessThan(10);
          }
          expect(contest.settle().draft.changesNothing).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('is called for in time: nothing is due before the moment that it was told to look again', async () => {
    await fc.assert(
      fc.asyncProperty(settingsOf, fc.array(happening, { maxLength: 25 }), async (settings, story) => {
        const contest = new Contest(settings);
        for (const [what, whose, how] of story) await happen(contest, what, whose, how);
        while (needs(contest)) contest.settle();
        const draft = new Draft(contest.situation(), '');
        needsSettling(draft, false);
        const early = (draft.wakeInMs ?? 10_000) - 1;
        if (early > 0) await contest.clock.advance(early);
        expect(needsSettling(new Draft(contest.situation(), ''), false)).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  it('of a transition keeps within what the store takes, with every seat led by the dead', () => {
    const contest = new Contest({ seats: MOST_SEATS });
    const names = Array.from({ length: MOST_SEATS }, (_, i) => `p${i}`);
    for (const name of names) contest.campaign(name);
    for (const name of names) contest.die(name);
    while (needs(contest)) contest.settle();
    expect(names.map((_, seat) => contest.leader(seat))).toEqual(names.map(() => undefined));
    expect(contest.mostWrites).toBeLessThan(MOST_OPERATIONS);
  });
});

describe('a campaign', () => {
  it('keeps within what the store takes, with every seat led by the dead, its own last stand among them', () => {
    const contest = new Contest({ seats: MOST_SEATS });
    const names = Array.from({ length: MOST_SEATS }, (_, i) => `p${i}`);
    for (const name of names) contest.campaign(name);
    for (const name of names) contest.die(name);
    const last = names.at(-1) ?? '';
    contest.campaign(last);
    expect(contest.mostWrites).toBeLessThan(MOST_OPERATIONS);
    while (needs(contest)) contest.settle();
    const leading = names.flatMap((_, seat) => contest.leader(seat)?.name ?? []);
    expect(leading).toEqual([last]);
  });
});
