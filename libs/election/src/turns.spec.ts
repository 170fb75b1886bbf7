import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '#testing';
import { type Look, Turns } from './turns.js';

/** Looks take time, which only a test's clock can say exactly. */
function turnsOf(look: Look, lookMs = 0): { clock: FakeClock; turns: Turns; looks: string[] } {
  const clock = new FakeClock();
  const looks: string[] = [];
  const turns = new Turns(clock, (ref, thorough) => {
    looks.push(`${ref.tenantId}/${ref.electionId}${thorough ? ' thorough' : ''}`);
    clock.stall(lookMs);
    return look(ref, thorough);
  });
  return { clock, turns, looks };
}

const ref = (tenantId: string, election: number): { tenantId: string; electionId: string } => ({
  tenantId,
  electionId: String(election),
});
const many = (tenantId: string, count: number) => Array.from({ length: count }, (_, i) => ref(tenantId, i));

const DONE = Promise.resolve();

describe('turns', () => {
  it('look at a lone election at once', () => {
    const { turns, looks } = turnsOf(() => DONE);
    turns.ask(ref('a', 0), false);
    expect(looks).toEqual(['a/0']);
  });

  it('pause after every millisecond of looking, and lose nothing', async () => {
    const { clock, turns, looks } = turnsOf(() => undefined, 0.25);
    for (const each of many('a', 40)) turns.ask(each, false);
    expect(looks).toHaveLength(4);
    await clock.advance(0);
    expect(looks.length).toBeLessThan(40);
    await clock.advance(100);
    expect(looks).toEqual(many('a', 40).map(({ electionId }) => `a/${electionId}`));
  });

  it('pause after a few settlements, however short the looks', async () => {
    const { clock, turns, looks } = turnsOf(() => DONE);
    for (const each of many('a', 20)) turns.ask(each, false);
    expect(looks).toHaveLength(4);
    await clock.advance(10);
    expect(looks).toHaveLength(20);
  });

  it('leave a tenant with eight settlements under way alone, and serve others', async () => {
    const ends: (() => void)[] = [];
    const { clock, turns, looks } = turnsOf(() => new Promise((resolve) => ends.push(resolve)));
    for (const each of many('a', 80)) turns.ask(each, false);
    await clock.advance(50);
    expect(looks).toHaveLength(8);
    turns.ask(ref('b', 0), true);
    await clock.advance(5);
    expect(looks.slice(8)).toEqual(['b/0 thorough']);
    ends[0]?.();
    await clock.advance(5);
    expect(looks.slice(9)).toEqual(['a/8']);
    for (let at = 1; at < ends.length; at += 1) {
      ends[at]?.();
      await clock.advance(2);
    }
    expect(looks).toHaveLength(81);
  });

  it('look once at an election that was asked for twice, and thoroughly if either was', async () => {
    const { clock, turns, looks } = turnsOf(() => DONE);
    for (const each of many('a', 4)) turns.ask(each, false);
    turns.ask(ref('a', 9), false);
    turns.ask(ref('a', 9), true);
    turns.ask(ref('a', 9), false);
    await clock.advance(10);
    expect(looks.slice(4)).toEqual(['a/9 thorough']);
  });

  it('take a tenant with one election before the second of a tenant with a thousand', async () => {
    const { clock, turns, looks } = turnsOf(() => DONE);
    for (const each of many('loud', 1_000)) turns.ask(each, false);
    turns.ask(ref('quiet', 0), true);
    await clock.advance(1);
    expect(looks.indexOf('quiet/0 thorough')).toBeLessThan(12);
  });

  it('sweep only when nothing else waits, thoroughly, one sweep at a time', async () => {
    const { clock, turns, looks } = turnsOf(({ tenantId }) => (tenantId === 'a' ? DONE : undefined), 0.5);
    const swept = many('swept', 5).map((each) => ({ ref: each }));
    expect(turns.sweep(swept)).toBe(true);
    expect(turns.sweep(swept)).toBe(false);
    for (const each of many('a', 4)) turns.ask(each, false);
    await clock.advance(50);
    expect(looks.slice(0, 2)).toEqual(['swept/0 thorough', 'swept/1 thorough']);
    expect(looks.slice(2, 6).every((look) => look.startsWith('a/'))).toBe(true);
    expect(looks).toHaveLength(9);
    expect(turns.sweep([])).toBe(true);
  });

  it('end when they are stopped, and leave no timer', async () => {
    const { clock, turns, looks } = turnsOf(() => DONE);
    for (const each of many('a', 20)) turns.ask(each, false);
    turns.stop();
    turns.ask(ref('b', 0), false);
    await clock.advance(50);
    expect(looks).toHaveLength(4);
    expect(clock.waiting).toBe(0);
  });
});
