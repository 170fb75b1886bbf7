import { spawn } from 'node:child_process';
import path from 'node:path';

/** How often to look whether npm, which started us, is still there. */
const LOOK_FOR_PARENT_MS = 1_000;

/**
 * Runs the program under Node 24 in our place: its output is ours, signals go on to it, its exit code is returned.
 * The channel between the two tells it when we were killed; where npm started us and was killed, we end it.
 */
export function handOver(node, args) {
  const [major] = process.versions.node.split('.').map(Number);
  const bin = path.resolve('node_modules/.bin');
  const child = spawn(node, ['--enable-source-maps', ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // What the program starts by the name of `node` is Node 24, too.
    env: {
      ...process.env,
      PATH: major >= 24 ? process.env.PATH : `${bin}${path.delimiter}${process.env.PATH}`,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  const byNpm = process.env.npm_lifecycle_event !== undefined;
  const look = setInterval(() => {
    if (byNpm && process.ppid !== parent && child.connected) child.disconnect();
  }, LOOK_FOR_PARENT_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(look);
      resolve(signal ? 1 : (code ?? 1));
    });
  });
}
