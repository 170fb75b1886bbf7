import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Styles where standard output is a terminal that wants it; elsewhere the plain text. */
export function paint(style: Style, text: string): string {
  return process.stdout.isTTY ? styleText(style, text, { stream: process.stdout }) : text;
}

const startedMs = performance.now();

/** One line of what happens, with the seconds since the demo began. */
export function tell(text: string): void {
  clear();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(5);
  console.log(`${paint('dim', `${seconds} s`)}  ${text}`);
}

export function heading(text: string): void {
  clear();
  console.log(`\n${paint('bold', text)}`);
}

export function say(text = ''): void {
  clear();
  console.log(text);
}

/** The line that is rewritten while things go on; nothing where the output is not a terminal. */
export function progress(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K         ${styleText('dim', text)}`);
}

function clear(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001B[K');
}

/** Columns as wide as their widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        /^[\d,.]+( ms)?$/.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('   ');
  say(paint('dim', line(head)));
  for (const row of rows) say(line(row));
}
