/**
 * The whole gate: `npm run check`, or `npm run check -- lint types` for some of it. Every step runs even if an
 * earlier one failed, so that one run shows everything. Caches lie in node_modules/.cache.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const CACHE = 'node_modules/.cache/check';
const FOLDERS = ['apps', 'demo', 'libs', 'migrations', 'scripts', 'test'];
/** A step that takes longer hangs. */
const STEP_DEADLINE_MS = 300_000;
/** Most steps use one core. The longest step comes first, so that nothing waits for it at the end. */
const LANES = 2;

const bin = (name) => path.join('node_modules/.bin', name);
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
/** Runs a TypeScript file of scripts/ on the sources, without a build. */
const typescript = (file) => ['--import', './scripts/run-from-source.mjs', file];

/** Name -> the command, and what it proves. */
const STEPS = {
  // Without a cache: rules that read types depend on other files than the one that the cache looks at.
  lint: [bin('eslint'), '--max-warnings=0', '.'],
  format: [
    bin('prettier'),
    '--check',
    '--log-level=warn',
    '--cache',
    '--cache-location',
    `${CACHE}/prettier`,
    '.',
  ],
  types: [
    bin('tsc'),
    '-p',
    'tsconfig.json',
    '--noEmit',
    '--incremental',
    '--tsBuildInfoFile',
    `${CACHE}/tsc.json`,
  ],
  floors: [bin('depcruise'), '--config', '.dependency-cruiser.mjs', '--output-type', 'err', ...FOLDERS],
  unused: [bin('knip'), '--no-progress', '--cache', '--cache-location', `${CACHE}/knip`],
  openapi: ['node', 'scripts/check/openapi.mjs'],
  docs: ['node', ...typescript('scripts/check/docs.ts')],
  gate: ['node', ...jest, '--selectProjects', 'unit', '--testPathPatterns', 'scripts/check', '--silent'],
};

function run([command, ...args]) {
  // The tools find the Node that was installed with them, whoever started this.
  const env = {
    ...process.env,
    PATH: `${path.resolve('node_modules/.bin')}${path.delimiter}${process.env.PATH}`,
  };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: STEP_DEADLINE_MS });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ ok: false, text: error.message }));
    child.on('close', (code) => resolve({ ok: code === 0, text: Buffer.concat(output).toString().trim() }));
  });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(', ')}. Steps: ${Object.keys(STEPS).join(', ')}.`);
  process.exit(2);
}

if (!existsSync(bin('eslint'))) {
  console.error('The tools are not installed. Run: npm ci');
  process.exit(2);
}

const waiting = wanted.length > 0 ? wanted : Object.keys(STEPS);
const failed = [];

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const start = performance.now();
    const { ok, text } = await run(STEPS[name]);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds.padStart(5)} s`);
    if (ok) continue;
    console.log(`${text}\n`);
    failed.push(name);
  }
}

mkdirSync(CACHE, { recursive: true });
await Promise.all(Array.from({ length: LANES }, work));
if (failed.length > 0) {
  console.error(
    `The check failed: ${failed.join(', ')}. Repeat one step with: npm run check -- ${failed[0]}`,
  );
  process.exitCode = 1;
}
