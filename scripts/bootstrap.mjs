/**
 * The way from a fresh clone to a running program: `node scripts/bootstrap.mjs <start|dev|test|demo|bench|incumbent|build> [options]`.
 *
 * Installs the locked packages, builds, finds or installs the servers of the local stack, and hands over to the
 * built program under Node 24. Each step does nothing when nothing has changed. Runs on Node 20.19 without any
 * dependency, since none is there yet.
 */
import path from 'node:path';
import { build } from './bootstrap/build.mjs';
import { handOver } from './bootstrap/hand-over.mjs';
import { localStackSettings } from './bootstrap/local-stack.mjs';
import { installPackages, node24 } from './bootstrap/packages.mjs';
import { BootstrapError, progress } from './bootstrap/progress.mjs';
import { provideServers } from './bootstrap/servers.mjs';

/** Command -> the program and the arguments that it begins with. */
const PROGRAMS = {
  start: ['dist/scripts/start/main.js'],
  dev: ['dist/scripts/start/main.js', '--dev'],
  test: ['dist/scripts/test/main.js'],
  demo: ['dist/demo/run.js'],
  bench: ['--import', './scripts/run-from-source.mjs', 'test/bench/main.ts'],
  incumbent: ['dist/apps/cli/src/main.js'],
  build: undefined,
};

/** Speak to servers that run already. */
const WITHOUT_SERVERS = new Set(['incumbent', 'build']);

process.chdir(path.join(import.meta.dirname, '..'));

async function main([command = 'start', ...options]) {
  if (!Object.hasOwn(PROGRAMS, command)) {
    throw new BootstrapError(`There is no "${command}". Try: ${Object.keys(PROGRAMS).join(', ')}.`);
  }
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new BootstrapError(
      `Incumbent needs Node 20.19 or later to begin with; this is ${process.version}.`,
    );
  }
  await installPackages();
  const node = await node24();
  const program = PROGRAMS[command];
  // Side by side: the compiler wants one core, the package manager mostly the network and the disk.
  const prepared = await Promise.allSettled([
    build(node),
    WITHOUT_SERVERS.has(command) || provideServers(node, command),
  ]);
  for (const result of prepared) if (result.status === 'rejected') throw result.reason;
  if (program === undefined) return 0;
  // What the person waited for includes what was installed and built here.
  process.env.INCUMBENT_BEGAN_MS = `${Math.round(performance.timeOrigin)}`;
  if (command === 'incumbent') Object.assign(process.env, localStackSettings(process.env));
  return handOver(node, [...program, ...options]);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  progress.fail(error.message);
  process.exitCode = 1;
}
