/**
 * docs/openapi.json is what the application describes, is good OpenAPI, and types made from it compile in a client.
 * With `write` it writes the document and stops there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const COMMITTED = 'docs/openapi.json';
const CACHE = 'node_modules/.cache/check';
const FRESH = path.join(CACHE, 'openapi.json');
const SMOKE = 'scripts/check/smoke-client';
const STEP_DEADLINE_MS = 60_000;
const SOURCES = ['--import', './scripts/run-from-source.mjs', '--import', './scripts/check/decorators.mjs'];
/** Neither news nor statistics. */
const QUIET = { REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', REDOCLY_TELEMETRY: 'off', NO_COLOR: '1' };

/** Runs a program of node_modules; prints what it said and ends the check if it failed. */
function run(what, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...QUIET },
    timeout: STEP_DEADLINE_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  console.log(`${what} failed:\n${stdout}${stderr}`);
  process.exit(1);
}

const bin = (name) => path.join('node_modules/.bin', name);
const describeTo = (file) =>
  run('Describing the API', process.execPath, [...SOURCES, 'apps/api/src/openapi.ts', file]);

if (process.argv[2] === 'write') {
  describeTo(COMMITTED);
  run('Describing frames', process.execPath, [...SOURCES, 'apps/api/src/attached/write-schema.ts']);
} else {
  mkdirSync(CACHE, { recursive: true });
  describeTo(FRESH);
  if (!existsSync(COMMITTED) || readFileSync(COMMITTED, 'utf8') !== readFileSync(FRESH, 'utf8')) {
    console.log(`${COMMITTED} is not what the application describes: npm run generate`);
    process.exit(1);
  }
  run('Lint', bin('redocly'), ['lint', COMMITTED, '--config', 'redocly.yaml', '--max-problems', '50']);
  run('Making types', bin('openapi-typescript'), [COMMITTED, '--output', path.join(CACHE, 'openapi.d.ts')]);
  run('Compiling the smoke client', bin('tsc'), ['-p', SMOKE]);
}
