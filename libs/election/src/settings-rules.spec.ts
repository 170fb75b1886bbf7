import { describe, expect, it } from '@jest/globals';
import type { ElectionSettings } from './records.js';
import { contradictions } from './settings-rules.js';

const sound: ElectionSettings = { policy: 'fifo', ttlMs: 1_000, maxTtlMs: 60_000 };

const fields = (more: Partial<ElectionSettings>): string[] =>
  contradictions({ ...sound, ...more }).map(({ pointer }) => pointer);

describe('settings', () => {
  it.each<[string, Partial<ElectionSettings>]>([
    ['plain', {}],
    ['priority with preemption', { policy: 'priority', preemption: true, minTermMs: 5_000 }],
    ['rotation', { policy: 'rotation', maxTermMs: 60_000, minTermMs: 60_000 }],
    ['health', { policy: 'health', healthFloor: 1 }],
    ['with what is another policy’s set to nothing', { maxTermMs: 0, healthFloor: 0, preemption: false }],
    ['with back-off and quarantine', { shortTermMs: 5_000, backoffMs: 1_000, quarantineAfter: 3 }],
  ])('that agree are taken: %s', (_name, settings) => {
    expect(fields(settings)).toEqual([]);
  });

  it.each<[string, Partial<ElectionSettings>]>([
    ['/maxTtlMs', { ttlMs: 60_001 }],
    ['/maxTermMs', { policy: 'rotation' }],
    ['/maxTermMs', { maxTermMs: 1_000 }],
    ['/minTermMs', { policy: 'rotation', maxTermMs: 1_000, minTermMs: 1_001 }],
    ['/preemption', { preemption: true }],
    ['/healthFloor', { policy: 'health' }],
    ['/healthFloor', { healthFloor: 10 }],
    ['/backoffMs', { backoffMs: 1_000 }],
    ['/quarantineAfter', { quarantineAfter: 2 }],
  ])('that contradict each other are refused at %s', (pointer, settings) => {
    expect(fields(settings)).toEqual([pointer]);
  });

  it('that contradict each other in several places are refused for all of them at once', () => {
    expect(fields({ ttlMs: 90_000, preemption: true, backoffMs: 1 })).toEqual([
      ...['/maxTtlMs', '/preemption', '/backoffMs'],
    ]);
  });
});
