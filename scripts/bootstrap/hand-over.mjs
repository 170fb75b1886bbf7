import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** How often to look whether npm, which started us, is still there; killed, it cannot tell us. */
const LOOK_FOR_NPM_MS = 250;

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
  const ancestors = ancestorsByNpm();
  const look = setInterval(() => {
    if (ancestorsByNpm() !== ancestors && child.connected) child.disconnect();
  }, LOOK_FOR_NPM_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(look);
      resolve(signal ? 1 : (code ?? 1));
    });
  });
}

/** Who started us, as far as npm, with or without a shell between. Changes when one of them ends, and only then. */
function ancestorsByNpm() {
  if (process.env.npm_lifecycle_event === undefined) return '';
  const [name, parent] = nameAndParentOf(process.ppid);
  return /sh$/.test(name) ? `${parent} ${process.ppid}` : `${process.ppid}`;
}

function nameAndParentOf(pid) {
  try {
    // "pid (name) state ppid ..."; the name may hold anything, parentheses too.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(') ');
    return [stat.slice(stat.indexOf('(') + 1, end), stat.slice(end + 2).split(' ')[1]];
  } catch {
    return ['', ''];
  }
}
