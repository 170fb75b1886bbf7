import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import type { Figure, Line } from './figures.js';

const COLUMNS = ['', 'ours', 'theirs', 'ratio', 'target', 'met'] as const;

/** The lines as a table for a terminal. */
export function tableOf(lines: readonly Line[]): string {
  const rows = [[...COLUMNS], ...lines.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const notes = lines.filter(({ note }) => note).map(({ what, note }) => `  ${what}: ${note}`);
  const table = rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
  return [...table, '', ...notes].join('\n');
}

/** Everything that was measured, for comparisons later. */
export function writeReport(file: string, lines: readonly Line[], circumstances: object): void {
  mkdirSync(dirname(file), { recursive: true });
  const machine = {
    cpus: cpus().length,
    cpu: cpus()[0]?.model,
    node: process.version,
    platform: process.platform,
  };
  writeFileSync(file, `${JSON.stringify({ ...circumstances, machine, lines }, null, 2)}\n`);
}

function cellsOf({ what, unit, ours, theirs, ratio, target, met }: Line): string[] {
  return [
    what,
    show(ours, unit),
    theirs ? show(theirs, unit) : '',
    ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    target
      ? `${'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`}${ratio === undefined ? ` ${unit}` : 'x'}`
      : '',
    met === undefined ? '' : met ? 'yes' : 'NO',
  ];
}

function show({ median, low, high }: Figure, unit: string): string {
  return `${rounded(median)} ${unit} (${rounded(low)}-${rounded(high)})`;
}

function rounded(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  return value.toFixed(value >= 10 ? 1 : 2);
}
