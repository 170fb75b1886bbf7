import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ElectionSettings, PolicyName } from '../records.js';
import { type Contender, policies, type Reign } from './index.js';

const contender = fc.record({
  name: fc.string({ minLength: 1, maxLength: 4 }),
  priority: fc.integer({ min: -3, max: 3 }),
  health: fc.integer({ min: 0, max: 100 }),
});

const queue = fc
  .uniqueArray(contender, { selector: ({ name }) => name, maxLength: 8 })
  .map((all) => all.map((one): Contender => ({ ...one, candidateId: `cnd_${one.name}` })));

type Settings = Partial<ElectionSettings>;

const settings = fc.record({ healthFloor: fc.integer({ min: 0, max: 100 }) });

function order(
  policy: PolicyName,
  all: readonly Contender[],
  set: Settings = {},
  lastLeader?: string,
): Contender[] {
  return [...policies[policy].order(all, { settings: set, lastLeader })];
}

function reign(
  leader: Contender,
  rivals: readonly Contender[],
  set: Settings,
  more: Partial<Reign> = {},
): Reign {
  return {
    ...{
      settings: set,
      lastLeader: leader.name,
      leader,
      rivals: () => rivals,
      fellows: [],
      lasted: () => true,
      mayPreempt: () => true,
    },
    ...more,
  };
}

const person = (name: string, priority = 0, health = 100): Contender => ({
  ...{ candidateId: `cnd_${name}`, name, priority, health },
});

describe('every policy', () => {
  it('orders those who wait without inventing or doubling anybody, and the same way every time', () => {
    fc.assert(
      fc.property(queue, settings, fc.constantFrom(...Object.keys(policies)), (all, set, name) => {
        const ordered = order(name as PolicyName, all, set, all[0]?.name);
        expect(new Set(ordered).size).toBe(ordered.length);
        expect(ordered.every((one) => all.includes(one))).toBe(true);
        expect(order(name as PolicyName, all, set, all[0]?.name)).toEqual(ordered);
      }),
    );
  });

  it('but health and manual leaves nobody out', () => {
    fc.assert(
      fc.property(queue, fc.constantFrom('fifo', 'priority', 'rotation', 'sticky'), (all, name) => {
        expect(order(name as PolicyName, all)).toHaveLength(all.length);
      }),
    );
  });

  it('that does not say that it ranks keeps the order of the queue', () => {
    fc.assert(
      fc.property(queue, fc.option(fc.string(), { nil: undefined }), (all, last) => {
        for (const [name, { ranks }] of Object.entries(policies))
          if (!ranks) expect(order(name as PolicyName, all, {}, last)).toEqual(all);
      }),
    );
  });
});

describe('policy priority', () => {
  it('puts nobody behind a lower priority, and among equals keeps the queue', () => {
    fc.assert(
      fc.property(queue, (all) => {
        const ordered = order('priority', all);
        for (const [i, one] of ordered.entries()) {
          const next = ordered[i + 1];
          if (!next) continue;
          expect(one.priority).toBeGreaterThanOrEqual(next.priority);
          if (one.priority === next.priority) expect(all.indexOf(one)).toBeLessThan(all.indexOf(next));
        }
      }),
    );
  });

  it('with preemption ends a term for a higher priority only, once minTermMs have passed', () => {
    fc.assert(
      fc.property(queue, fc.integer({ min: -3, max: 3 }), fc.boolean(), (all, priority, lasted) => {
        const outranked = all.some((rival) => rival.priority > priority);
        const challenged = policies.priority.challenge?.(
          reign(
            person('leader', priority),
            order('priority', all),
            { preemption: true, minTermMs: 5 },
            { lasted: () => lasted },
          ),
        );
        expect(challenged).toBe(outranked && lasted ? 'preempted' : undefined);
      }),
    );
  });

  it('without preemption ends no term', () => {
    expect(policies.priority.challenge?.(reign(person('a', 1), [person('b', 9)], {}))).toBeUndefined();
  });

  it('of several seats ends as many terms as rivals outrank leaders, the weakest first', () => {
    fc.assert(
      fc.property(
        queue,
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 4 }),
        (all, seats) => {
          const leaders = seats.map((priority, seat) => person(`leader-${seat}`, priority));
          const rivals = order('priority', all);
          const challenged = leaders.filter((leader) =>
            policies.priority.challenge?.(
              reign(
                leader,
                rivals,
                { preemption: true },
                { fellows: leaders.filter((other) => other !== leader) },
              ),
            ),
          );
          const weakest = Math.min(...seats);
          // Whoever is challenged is outranked by somebody, and one of the weakest is challenged if anybody is.
          for (const leader of challenged)
            expect(rivals.some((one) => one.priority > leader.priority)).toBe(true);
          const outranked = rivals.some((one) => one.priority > weakest);
          expect(challenged.some((leader) => leader.priority === weakest)).toBe(outranked);
          if (!outranked) expect(challenged).toEqual([]);
        },
      ),
    );
  });
});

describe('policy rotation', () => {
  /** Lets the ring go round once: whoever leads queues anew behind the others. */
  function round(names: readonly string[], from: string): string[] {
    const led: string[] = [];
    let leader = from;
    for (let terms = 0; terms < names.length; terms += 1) {
      const waiting = names.filter((name) => name !== leader).map((name) => person(name));
      leader = order('rotation', [...waiting, person(leader)], {}, leader)[0]?.name ?? leader;
      led.push(leader);
    }
    return led;
  }

  it('visits every name once per round, wherever it begins and in whatever order they joined', () => {
    fc.assert(
      fc.property(queue, fc.nat(), (all, start) => {
        const names = all.map(({ name }) => name);
        const from = names[start % Math.max(1, names.length)];
        if (from !== undefined) expect(round(names, from).sort()).toEqual([...names].sort());
      }),
    );
  });

  it('goes on behind the place of a leader that has left, and gives who joins its place in the ring', () => {
    const next = (names: string[], last: string) =>
      order(
        'rotation',
        names.map((name) => person(name)),
        {},
        last,
      )[0]?.name;
    expect(next(['d', 'a', 'c'], 'b')).toBe('c');
    expect(next(['d', 'a', 'bb', 'c'], 'b')).toBe('bb');
    expect(next(['a', 'b'], 'z')).toBe('a');
  });

  it('passes no live name over twice while others join and leave', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-f]{1,2}$/), { minLength: 2, maxLength: 6 }),
        fc.array(fc.tuple(fc.boolean(), fc.stringMatching(/^[a-f]{1,2}$/)), { maxLength: 12 }),
        (stays, changes) => {
          const others = new Set<string>();
          const led: string[] = [];
          let leader = stays[0] ?? '';
          // Enough for every step of a ring that is at most this long.
          for (let term = 0; term < changes.length + 30; term += 1) {
            const [joins, who] = changes[term] ?? [false, ''];
            if (joins && !stays.includes(who)) others.add(who);
            else others.delete(who);
            const all = [...stays, ...others].filter((name) => name !== leader).map((name) => person(name));
            leader = order('rotation', all, {}, leader)[0]?.name ?? leader;
            led.push(leader);
          }
          const tail = led.slice(changes.length);
          for (const name of stays) expect(tail.filter((one) => one === name).length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('ends a term after maxTermMs only while another waits', () => {
    const set = { maxTermMs: 1_000 };
    expect(policies.rotation.challenge?.(reign(person('a'), [person('b')], set))).toBe('rotated');
    expect(policies.rotation.challenge?.(reign(person('a'), [], set))).toBeUndefined();
    const young = { lasted: () => false };
    expect(policies.rotation.challenge?.(reign(person('a'), [person('b')], set, young))).toBeUndefined();
  });
});

describe('policy sticky', () => {
  it('puts the last leader first and leaves the others in the order of the queue', () => {
    fc.assert(
      fc.property(queue, fc.nat(), (all, which) => {
        const last = all[which % Math.max(1, all.length)];
        const ordered = order('sticky', all, {}, last?.name);
        expect(ordered[0]).toBe(last);
        expect(ordered.slice(1)).toEqual(all.filter((one) => one !== last));
      }),
    );
  });
});

describe('policy health', () => {
  it('elects nobody below the floor, and the healthiest first', () => {
    fc.assert(
      fc.property(queue, settings, (all, set) => {
        const ordered = order('health', all, set);
        expect(ordered.every(({ health }) => health >= set.healthFloor)).toBe(true);
        expect(ordered.map(({ health }) => health)).toEqual(
          ordered.map(({ health }) => health).sort((a, b) => b - a),
        );
        expect(ordered).toHaveLength(all.filter(({ health }) => health >= set.healthFloor).length);
      }),
    );
  });

  it('ends the term of a leader below the floor, whether or not another waits', () => {
    const set = { healthFloor: 50 };
    expect(policies.health.challenge?.(reign(person('a', 0, 49), [], set))).toBe('unhealthy');
    expect(policies.health.challenge?.(reign(person('a', 0, 50), [person('b')], set))).toBeUndefined();
  });
});

describe('policy manual', () => {
  it('puts nobody forward', () => {
    fc.assert(fc.property(queue, (all) => expect(order('manual', all)).toEqual([])));
  });
});
