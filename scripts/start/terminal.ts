const LABEL_WIDTH = 10;
const since = (startMs: number) => `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;

/** Says in one line what was done and how long it took; a step that fails says nothing, its error does. */
export async function step<T>(
  label: string,
  work: () => Promise<T>,
  what: (result: T) => string,
): Promise<T> {
  const startMs = performance.now();
  const lively = process.stdout.isTTY;
  const line = (text: string) => `  ${label.padEnd(LABEL_WIDTH)} ${text}`;
  const clock = lively
    ? setInterval(() => process.stdout.write(`\r\x1b[2K${line(`... ${since(startMs)}`)}`), 100)
    : undefined;
  try {
    const result = await work();
    clearInterval(clock);
    process.stdout.write(`${lively ? '\r\x1b[2K' : ''}${line(`${what(result)} (${since(startMs)})`)}\n`);
    return result;
  } catch (error) {
    clearInterval(clock);
    if (lively) process.stdout.write('\r\x1b[2K');
    throw error;
  }
}
