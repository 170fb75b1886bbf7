import { describe, expect, it } from '@jest/globals';
import { RateWindow } from './rate-window.js';

const WINDOW_MS = 1_000;

function taken(window: RateWindow, calls: number, nowMs: number): RateWindow {
  for (let call = 0; call < calls; call += 1) window.take(nowMs);
  return window;
}

describe('a rate window', () => {
  it('has room up to the limit and again when it is over', () => {
    const window = taken(new RateWindow(WINDOW_MS), 3, 0);
    expect([window.hasRoom(4, 0), window.hasRoom(3, 0)]).toEqual([true, false]);
    expect(window.state(3, 400)).toEqual({ remaining: 0, resetsInMs: 600 });
    expect(window.hasRoom(3, WINDOW_MS)).toBe(true);
    expect(window.state(3, WINDOW_MS)).toEqual({ remaining: 3, resetsInMs: WINDOW_MS });
  });

  it('counts what other replicas let in as soon as it is told', () => {
    const window = taken(new RateWindow(WINDOW_MS), 2, 0);
    window.report()({ total: 9, endsAtMs: 700 });
    expect([window.usedBy(10), window.untold]).toEqual([9, 0]);
    taken(window, 1, 20);
    expect([window.usedBy(20), window.untold]).toEqual([10, 1]);
    expect(window.isOver(700)).toBe(true);
  });

  it('counts calls that came while a report was under way once', () => {
    const window = taken(new RateWindow(WINDOW_MS), 2, 0);
    const answered = window.report();
    taken(window, 3, 1);
    answered({ total: 2, endsAtMs: 900 });
    expect([window.usedBy(2), window.untold]).toEqual([5, 3]);
  });

  it('begins anew where the shared window has, without what belonged to the old one', () => {
    const window = taken(new RateWindow(WINDOW_MS), 4, 0);
    window.report()({ total: 4, endsAtMs: 900 });
    taken(window, 1, 10);
    // Redis was emptied, or its window ended a little earlier: the report is the first of a new one.
    window.report()({ total: 1, endsAtMs: 1_010 });
    expect([window.usedBy(20), window.untold]).toEqual([1, 0]);
  });

  it('does not take the answer to an old window for the new one', () => {
    const window = taken(new RateWindow(WINDOW_MS), 4, 0);
    const late = window.report();
    taken(window, 1, WINDOW_MS);
    late({ total: 500, endsAtMs: 1_900 });
    expect([window.usedBy(WINDOW_MS), window.reporting]).toEqual([1, false]);
  });

  it('keeps what is untold when a report fails', () => {
    const window = taken(new RateWindow(WINDOW_MS), 4, 0);
    window.report()(undefined);
    expect([window.untold, window.usedBy(0)]).toEqual([4, 4]);
  });
});
