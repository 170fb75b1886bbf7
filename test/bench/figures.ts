import type { Round } from './rounds.js';

/** What a series of measurements came to. */
export interface Figure {
  median: number;
  low: number;
  high: number;
  all: number[];
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: percentile(sorted, 50),
    low: sorted[0] ?? NaN,
    high: sorted.at(-1) ?? NaN,
    all: [...values],
  };
}

/** The smallest value that this share of all values does not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[place - 1] ?? NaN;
}

export type Target = { atLeast: number } | { atMost: number };

/** One line of the report. */
export interface Line {
  what: string;
  unit: string;
  ours: Figure;
  /** What it is measured against, in the same seconds. */
  theirs?: Figure;
  /** Ours by theirs; for rates the median over pairs of rounds that followed each other. */
  ratio?: number;
  /** For the ratio, where there is one, else for the median of ours. */
  target?: Target;
  met?: boolean;
  note?: string;
}

/** Compares rates of rounds that were run in turns. */
export function compareRates(
  what: string,
  { ours, theirs }: { ours: readonly Round[]; theirs: readonly Round[] },
  atLeast: number,
): Line {
  const pairs = ours.map(({ rate }, index) => rate / (theirs[index]?.rate ?? NaN));
  const ratio = percentile(pairs, 50);
  const rates = (rounds: readonly Round[]): Figure => figureOf(rounds.map(({ rate }) => rate));
  return {
    what,
    unit: '/s',
    ours: rates(ours),
    theirs: rates(theirs),
    ratio,
    target: { atLeast },
    met: ratio >= atLeast,
    note: `processor time of the servers for each call: ours ${costs(ours)}, theirs ${costs(theirs)}`,
  };
}

function costs(rounds: readonly Round[]): string {
  const cost = (name: string): string => {
    const values = rounds.map(({ costUs }) => costUs[name] ?? NaN);
    return `${name} ${percentile(values, 50).toFixed(0)} us`;
  };
  return Object.keys(rounds[0]?.costUs ?? {})
    .map(cost)
    .join(' + ');
}

/** Compares one percentile of two series of latencies; the spread shown is that of the whole series. */
export function compareLatency(
  what: string,
  percent: number,
  { ours, theirs }: { ours: readonly number[]; theirs: readonly number[] },
  atMost: number,
): Line {
  const at = (values: readonly number[]): Figure => ({
    ...figureOf(values),
    median: percentile(values, percent),
  });
  const ratio = percentile(ours, percent) / percentile(theirs, percent);
  return {
    what: `${what} p${percent}`,
    unit: 'ms',
    ours: at(ours),
    theirs: at(theirs),
    ratio,
    target: { atMost },
    met: ratio <= atMost,
  };
}
