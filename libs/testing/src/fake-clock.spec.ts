import { describe, expect, it } from '@jest/globals';
import { delay } from '#core';
import { FakeClock } from './fake-clock.js';

describe('the fake clock', () => {
  it('runs timers in the order in which they are due, then in which they were set', async () => {
    const clock = new FakeClock(0);
    const ran: string[] = [];
    clock.after(20, () => ran.push(`b at ${clock.monotonicMs()}`));
    clock.after(10, () => ran.push(`a at ${clock.monotonicMs()}`));
    clock.after(20, () => ran.push(`c at ${clock.monotonicMs()}`));
    await clock.advance(25);
    expect(ran).toEqual(['a at 10', 'b at 20', 'c at 20']);
    expect(clock.monotonicMs()).toBe(25);
  });

  it('lets code that awaits between two timers set the next one in time', async () => {
    const clock = new FakeClock(0);
    const at: number[] = [];
    const loop = (async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await delay(10, clock);
        at.push(clock.monotonicMs());
      }
    })();
    await clock.advance(30);
    await loop;
    expect(at).toEqual([10, 20, 30]);
  });

  it('does not run a cancelled timer', async () => {
    const clock = new FakeClock();
    let ran = false;
    clock.after(5, () => (ran = true)).cancel();
    await clock.advance(10);
    expect(ran).toBe(false);
    expect(clock.waiting).toBe(0);
  });

  it('runs late, and not before the next advance, what fell due in a stall', async () => {
    const clock = new FakeClock(0);
    const ran: number[] = [];
    clock.after(10, () => ran.push(clock.monotonicMs()));
    clock.stall(50);
    expect(ran).toEqual([]);
    await clock.advance(0);
    expect(ran).toEqual([50]);
  });

  it('steps the wall clock without moving the monotonic one', () => {
    const clock = new FakeClock(0, 1_000_000);
    clock.stepWallTime(-5_000);
    expect(clock.wallTimeMs()).toBe(995_000);
    expect(clock.monotonicMs()).toBe(0);
  });

  it('names a timer that keeps setting itself again', async () => {
    const clock = new FakeClock();
    const again = (): void => void clock.after(0, again);
    again();
    await expect(clock.advance(1)).rejects.toThrow('keeps setting itself again');
  });
});
