/**
 * `npm test`: the gate (`npm run check`), every Jest project against one private stack, and the demo. With the name
 * of a project (`npm run test:e2e -- --testNamePattern resign`) only that project, with Jest's own options.
 *
 * Everything runs even if something failed before, so that one run shows all. The last line is the sum,
 * `N passed, N failed`, of tests; a gate or a demo that fails counts as one failure.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPrivateStack, temporaryFolder } from '#local-stack';
import { conclude, readTally, type Tally } from './tally.js';

const PROJECTS = ['unit', 'integration', 'e2e'];
const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
/** A step that takes longer hangs; the whole run has to end within a quarter of an hour. */
const STEP_DEADLINE_MS = 600_000;

/** Runs a step with its output on this terminal. Ctrl-C reaches it from the terminal; SIGTERM we pass on. */
function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
      timeout: STEP_DEADLINE_MS,
    });
    const passOn = () => child.kill('SIGTERM');
    process.once('SIGTERM', passOn);
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGTERM', passOn);
      resolve(code ?? 1);
    });
  });
}

async function runScript(name: string): Promise<Tally> {
  const startMs = performance.now();
  console.log(`\n> npm run ${name}\n`);
  const code = await run('npm', ['run', '--silent', name]);
  return { name, passed: 0, failed: code === 0 ? 0 : 1, tookMs: performance.now() - startMs };
}

async function runProjects(projects: readonly string[], options: readonly string[]): Promise<Tally[]> {
  const folder = temporaryFolder();
  const stack = await startPrivateStack();
  const env = {
    TEST_DATABASE_URL: stack.databaseUrl,
    TEST_REDIS_URL: stack.redisUrl,
    TEST_ETCD_ENDPOINTS: stack.etcdEndpoints.join(','),
  };
  const tallies: Tally[] = [];
  try {
    for (const project of projects) {
      if (interrupted) break;
      const startMs = performance.now();
      const report = join(folder, `${project}.json`);
      const chosen = ['--selectProjects', project, '--json', '--outputFile', report, '--passWithNoTests'];
      const code = await run(process.execPath, [...JEST, ...chosen, ...options], env);
      tallies.push(readTally(project, report, { code, tookMs: performance.now() - startMs }));
    }
    return tallies;
  } finally {
    await stack.stop();
  }
}

async function main([only, ...options]: readonly string[]): Promise<number> {
  if (only !== undefined && !PROJECTS.includes(only)) {
    console.error(`There is no project "${only}". Try: ${PROJECTS.join(', ')}.`);
    return 1;
  }
  if (only !== undefined) return conclude(await runProjects([only], options));
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const tallies: Tally[] = [];
  if (scripts['check']) tallies.push(await runScript('check'));
  // The gate has just run the tests of its own rules.
  const others = scripts['check'] ? ['--testPathIgnorePatterns', 'scripts/check/'] : [];
  tallies.push(...(await runProjects(PROJECTS, others)));
  if (scripts['demo'] && !interrupted) tallies.push(await runScript('demo'));
  return conclude(tallies);
}

/** After Ctrl-C the step that runs ends by itself; no further one begins, and the run has failed. */
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => (interrupted = true));

const code = await main(process.argv.slice(2));
process.exitCode = interrupted ? 1 : code;
if (process.connected) process.disconnect();
