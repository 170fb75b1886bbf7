import { spawn } from 'node:child_process';
import { reaper } from '#local-stack';

/** What the compiler says when a round of watching is over. */
const ROUND_OVER = /Found (\d+) errors?\. Watching/;

/**
 * Compiles on every change of a source file, and calls `onBuilt` after each round without errors but the first,
 * which is what runs already. Errors are shown as the compiler tells them.
 * @returns how to stop it
 */
export function recompileOnChange(onBuilt: () => void): () => void {
  const compiler = spawn(
    process.execPath,
    [
      'node_modules/typescript/bin/tsc',
      ...['-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'],
      ...['--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (compiler.pid !== undefined) reaper.watch(compiler.pid, 'SIGTERM');
  let rounds = 0;
  compiler.stdout.on('data', (data: Buffer) => {
    const text = data.toString();
    const over = ROUND_OVER.exec(text);
    if (over?.[1] === '0') {
      rounds += 1;
      if (rounds > 1) onBuilt();
    } else if (text.includes('error TS')) {
      process.stdout.write(text);
    }
  });
  return () => void compiler.kill();
}
