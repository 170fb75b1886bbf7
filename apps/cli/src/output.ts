/** All but the line break: names, and rows that somebody tampered with, must not steer a terminal. */
const CONTROL = /[^\P{Cc}\n]/gu;

/** The only place that writes: what was asked for to the output, everything else to the errors. */
export function write(text: string): void {
  process.stdout.write(`${text.replace(CONTROL, '\ufffd')}\n`);
}

export function writeError(text: string): void {
  process.stderr.write(`${text.replace(CONTROL, '\ufffd')}\n`);
}

export function writeJson(value: unknown): void {
  write(JSON.stringify(value, null, 2));
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
