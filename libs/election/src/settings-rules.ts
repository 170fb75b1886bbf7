/** Settings that contradict each other: refused together, each with the field that it stands in. */
import type { FieldError } from '#core';
import type { ElectionSettings } from './records.js';

type Rule = [broken: (settings: ElectionSettings) => boolean, field: string, message: string];

const has = (value: number | undefined): boolean => (value ?? 0) > 0;

const RULES: readonly Rule[] = [
  [(s) => s.maxTtlMs < s.ttlMs, 'maxTtlMs', 'Must be at least ttlMs.'],
  [
    (s) => s.policy === 'rotation' && !has(s.maxTermMs),
    'maxTermMs',
    'Policy rotation needs it: how long a term lasts.',
  ],
  [
    (s) => s.policy !== 'rotation' && has(s.maxTermMs),
    'maxTermMs',
    'Only policy rotation has it; set it to 0.',
  ],
  [
    (s) => has(s.maxTermMs) && (s.minTermMs ?? 0) > (s.maxTermMs ?? 0),
    'minTermMs',
    'Must be at most maxTermMs.',
  ],
  [
    (s) => s.policy !== 'priority' && s.preemption === true,
    'preemption',
    'Only policy priority has it; set it to false.',
  ],
  [
    (s) => s.policy === 'health' && !has(s.healthFloor),
    'healthFloor',
    'Policy health needs it: from 1 to 100.',
  ],
  [
    (s) => s.policy !== 'health' && has(s.healthFloor),
    'healthFloor',
    'Only policy health has it; set it to 0.',
  ],
  [
    (s) => has(s.backoffMs) && !has(s.shortTermMs),
    'backoffMs',
    'Needs shortTermMs, which says what a short term is.',
  ],
  [
    (s) => has(s.quarantineAfter) && !has(s.shortTermMs),
    'quarantineAfter',
    'Needs shortTermMs, which says what a short term is.',
  ],
];

/** What contradicts what; empty if the settings are sound. */
export function contradictions(settings: ElectionSettings): FieldError[] {
  return RULES.filter(([broken]) => broken(settings)).map(([, field, message]) => ({
    pointer: `/${field}`,
    code: 'contradiction',
    message,
  }));
}
