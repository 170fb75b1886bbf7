import { describe, expect, it } from '@jest/globals';
import { createLogger } from '#telemetry';
import { FakeClock } from '#testing';
import { CheckpointKeeper } from './checkpoint-keeper.js';

const silent = createLogger({ service: 'test', level: 'silent' });

describe('checkpoints', () => {
  it('are kept again and again, also after a time in which they could not be', async () => {
    const clock = new FakeClock();
    let kept = 0;
    const keep = async (): Promise<number> => {
      kept += 1;
      if (kept === 1) throw new Error('away');
      return 1;
    };
    const keeper = new CheckpointKeeper(keep, 10_000, silent, clock);
    keeper.start();
    for (let at = 1; at <= 5; at++) {
      await clock.advance(10_000);
      expect(kept).toBeGreaterThanOrEqual(at);
    }
    await keeper.close();
    const before = kept;
    await clock.advance(100_000);
    expect(kept).toBe(before);
    expect(clock.waiting).toBe(0);
  });

  it('keep no worker from ending', async () => {
    const clock = new FakeClock();
    const keeper = new CheckpointKeeper(() => new Promise(() => undefined), 1_000, silent, clock);
    keeper.start();
    await clock.advance(1_000);
    const closing = keeper.close();
    await clock.advance(3_000);
    await closing;
  });
});
