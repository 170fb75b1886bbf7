import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock } from '../test/fake-clock.js';
import { Belief } from './belief.js';
import { readMoment } from './clock.js';

const granted = (over = {}) => ({
  candidateId: 'cnd_1',
  seat: 0,
  term: 1,
  fence: 1,
  fencingToken: 'jwt',
  validForMs: 1_000,
  ...over,
});

describe('Belief', () => {
  it('counts a grant from the sending, so a reply that took 0.9 of the TTL leaves a tenth', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    const sent = readMoment(clock);
    clock.freeze(900);
    expect(belief.accept(granted(), sent)).toBe(true);
    expect(belief.remainingMs()).toBe(100);
    clock.freeze(100);
    expect(belief.current()).toBeUndefined();
  });

  it('never believes a reply that took longer than its grant', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    const sent = readMoment(clock);
    clock.freeze(1_000);
    expect(belief.accept(granted(), sent)).toBe(false);
  });

  it('ends by the wall clock when the machine slept, and stays ended when that clock is set back', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    belief.accept(granted(), readMoment(clock));
    clock.suspend(1_000);
    expect(belief.current()).toBeUndefined();
    clock.suspend(-5_000);
    expect(belief.current()).toBeUndefined();
  });

  it('ends by the monotonic clock when the wall clock was set back', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    belief.accept(granted(), readMoment(clock));
    clock.suspend(-3_600_000);
    clock.freeze(1_000);
    expect(belief.current()).toBeUndefined();
  });

  it('is not shortened by the late answer of an earlier renewal', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    const early = readMoment(clock);
    clock.freeze(500);
    belief.accept(granted(), readMoment(clock));
    belief.accept(granted(), early);
    expect(belief.remainingMs()).toBe(1_000);
  });

  it('keeps the token that a renewal does not repeat, and drops it with the term', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    belief.accept(granted(), readMoment(clock));
    belief.accept(granted({ fencingToken: undefined }), readMoment(clock));
    expect(belief.current()?.fencingToken).toBe('jwt');
    belief.accept(granted({ term: 2, fence: 2, fencingToken: undefined }), readMoment(clock));
    expect(belief.current()?.fencingToken).toBeUndefined();
  });

  it('never goes back to an earlier fence', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    belief.accept(granted({ term: 2, fence: 2 }), readMoment(clock));
    expect(belief.accept(granted(), readMoment(clock))).toBe(false);
    expect(belief.current()?.fence).toBe(2);
  });

  it('orders fences by seat, so that a lower one of another seat is a new term', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    belief.accept(granted({ seat: 1, term: 5, fence: 5 }), readMoment(clock));
    clock.freeze(1);
    expect(belief.accept(granted({ candidateId: 'cnd_2', seat: 0 }), readMoment(clock))).toBe(true);
    expect(belief.current()).toMatchObject({ seat: 0, fence: 1 });
  });

  it('never goes back to an earlier candidacy, also where another seat gives no order of fences', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    const early = readMoment(clock);
    clock.freeze(1);
    belief.accept(granted({ candidateId: 'cnd_2', seat: 1 }), readMoment(clock));
    expect(belief.accept(granted({ candidateId: 'cnd_1', seat: 0, fence: 9 }), early)).toBe(false);
    expect(belief.current()?.candidateId).toBe('cnd_2');
  });

  it('never grants a renounced candidateId, also when asked for afterwards', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    belief.renounce('cnd_1');
    clock.freeze(10);
    expect(belief.accept(granted(), readMoment(clock))).toBe(false);
    expect(belief.accept(granted({ candidateId: 'cnd_2' }), readMoment(clock))).toBe(true);
  });

  it('never grants what was asked for before the renouncing, whoever the answer names', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    const sent = readMoment(clock);
    clock.freeze(1);
    belief.renounce('cnd_1');
    expect(belief.accept(granted({ candidateId: 'cnd_2' }), sent)).toBe(false);
  });

  it('takes "not leader" over an older grant but not over a younger one', () => {
    const clock = new FakeClock();
    const belief = new Belief(clock);
    const early = readMoment(clock);
    clock.freeze(1);
    belief.accept(granted(), readMoment(clock));
    belief.drop(early);
    expect(belief.current()).toBeDefined();
    clock.freeze(1);
    belief.drop(readMoment(clock));
    expect(belief.current()).toBeUndefined();
  });

  it('holds true only inside an accepted grant on both clocks, in whatever order answers, sleeps and resigns come', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('freeze' as const), ms: fc.integer({ min: 0, max: 700 }) }),
      fc.record({ do: fc.constant('suspend' as const), ms: fc.integer({ min: -700, max: 700 }) }),
      fc.record({ do: fc.constant('send' as const), ms: fc.integer({ min: 1, max: 1_000 }) }),
      fc.record({ do: fc.constant('answer' as const), ms: fc.nat(9) }),
      fc.record({ do: fc.constant('renounce' as const), ms: fc.nat(2) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const clock = new FakeClock();
        const belief = new Belief(clock);
        const sends: {
          sent: ReturnType<typeof readMoment>;
          validForMs: number;
          candidateId: string;
          answered: boolean;
          void: boolean;
        }[] = [];
        let stand = 0;
        for (const { do: act, ms } of steps) {
          if (act === 'freeze') clock.freeze(ms);
          if (act === 'suspend') clock.suspend(ms);
          if (act === 'send')
            sends.push({
              sent: readMoment(clock),
              validForMs: ms,
              candidateId: `cnd_${stand}`,
              answered: false,
              void: false,
            });
          const send = act === 'answer' ? sends[ms % Math.max(1, sends.length)] : undefined;
          if (send !== undefined) {
            belief.accept(granted({ candidateId: send.candidateId, validForMs: send.validForMs }), send.sent);
            send.answered = true;
          }
          if (act === 'renounce') {
            belief.renounce(`cnd_${stand++}`);
            for (const each of sends) each.void = true;
            clock.freeze(1);
          }
          const justified = sends.some(
            (each) =>
              each.answered &&
              !each.void &&
              clock.monotonicMs() < each.sent.monotonicMs + each.validForMs &&
              clock.wallTimeMs() < each.sent.wallTimeMs + each.validForMs,
          );
          if (belief.current() !== undefined) expect(justified).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
