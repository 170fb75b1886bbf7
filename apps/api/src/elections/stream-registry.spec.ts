import { describe, expect, it } from '@jest/globals';
import { hasCode } from '#core';
import { FakeClock } from '#testing';
import { Drain } from '../http/drain.js';
import { StreamRegistry } from './stream-registry.js';

/** Counts what a registry does to a stream. */
class CountingStream {
  beats = 0;
  ended = false;
  welcome = true;

  heartbeat(): void {
    this.beats += 1;
  }

  endUnlessWelcome(): void {
    if (!this.welcome) this.end();
  }

  end(): void {
    this.ended = true;
  }
}

const QUOTA = () => ({ all: 20, here: 10 });

describe('the registry of streams', () => {
  it('keeps every open stream awake, and none that is over', async () => {
    const clock = new FakeClock();
    const registry = new StreamRegistry(new Drain(), QUOTA, clock);
    const [one, two] = [new CountingStream(), new CountingStream()];
    const forget = registry.add(one);
    registry.add(two);
    await clock.advance(15_000);
    forget();
    await clock.advance(30_000);
    expect([one.beats, two.beats, registry.size]).toEqual([1, 3, 1]);
  });

  it('begins to keep awake again after it had none', async () => {
    const clock = new FakeClock();
    const registry = new StreamRegistry(new Drain(), QUOTA, clock);
    registry.add(new CountingStream())();
    await clock.advance(60_000);
    const late = new CountingStream();
    registry.add(late);
    await clock.advance(15_000);
    expect(late.beats).toBe(1);
  });

  it('ends a quiet stream within a second after its reader ceased to be welcome', async () => {
    const clock = new FakeClock();
    const registry = new StreamRegistry(new Drain(), QUOTA, clock);
    const [one, two] = [new CountingStream(), new CountingStream()];
    for (const stream of [one, two]) registry.add(stream);
    await clock.advance(5_500);
    one.welcome = false;
    await clock.advance(1_000);
    expect([one.ended, two.ended]).toEqual([true, false]);
  });

  it('gives one tenant so many places and no more, and others theirs', () => {
    const registry = new StreamRegistry(new Drain(), QUOTA, new FakeClock());
    const releases = Array.from({ length: 10 }, () => registry.reserve('ten_a'));
    const refusal = (): unknown => {
      try {
        return registry.reserve('ten_a');
      } catch (error) {
        return error;
      }
    };
    expect(hasCode(refusal(), 'limit.quota_exceeded')).toBe(true);
    registry.reserve('ten_b');
    releases[0]?.();
    expect(refusal()).toBeInstanceOf(Function);
  });

  it('lets the drain end what is open, and what comes too late', () => {
    const drain = new Drain();
    const registry = new StreamRegistry(drain, QUOTA, new FakeClock());
    const [open, late] = [new CountingStream(), new CountingStream()];
    registry.add(open);
    drain.stop();
    registry.add(late);
    expect([open.ended, late.ended]).toEqual([true, true]);
  });
});
