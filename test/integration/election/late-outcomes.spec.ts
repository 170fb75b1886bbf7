import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Rig, writing } from './rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

describe('an outcome that is told after the view has gone on', () => {
  it.each([1, 2])(
    'of a campaign that was elected meanwhile says that it stands, with %d seats',
    async (seats) => {
      const [first, second] = await rig.pair({ seats });
      const leaders = Array.from({ length: seats }, (_, seat) => rig.participant(`leader-${seat}`));
      for (const leader of leaders) await leader.campaign(first.replica);
      await rig.caughtUp();
      const waiter = rig.participant('waiter');
      const held = second.gate.holdOutcomes(writing('put', /\/n\/waiter$/));
      const campaign = waiter.campaign(second.replica);
      await held.arrived();
      await rig.caughtUp();
      await leaders.at(-1)?.resign(first.replica);
      await rig.caughtUp();
      const leads = (): boolean => second.replica.gauges().leaders === seats;
      await waitUntil(leads, { what: 'the view to show the waiter as leader' });
      held.release();
      expect((await campaign).state).not.toBe('out');
      expect(await waiter.renew(second.replica)).toMatchObject({
        state: 'leader',
        grant: { seat: seats - 1 },
      });
    },
  );
});
