/** Builds a toy house that breaks each floor rule once and asks dependency-cruiser what it sees. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const REPOSITORY = process.cwd();
const CONFIG = path.join(REPOSITORY, '.dependency-cruiser.mjs');
const CRUISER = path.join(REPOSITORY, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

const LIBRARIES = [
  ...['core', 'config', 'telemetry', 'election', 'etcd', 'postgres', 'queue'],
  ...['fencing', 'tenancy', 'audit', 'history', 'webhooks', 'sdk', 'testing'],
];
const PACKAGES = [
  ...['etcd3', 'pg', 'typeorm', 'bullmq', 'jose', 'pino', 'fastify', 'left-pad', '@nestjs/common'],
  ...['undici', 'installed-for-development'],
];

/** Rule -> the one file that breaks it, and its content. */
const BROKEN: Record<string, [file: string, content: string]> = {
  'floor-core': ['libs/core/src/a.ts', "import '#config';"],
  'floor-config': ['libs/config/src/a.ts', "import '#telemetry';"],
  'floor-telemetry': ['libs/telemetry/src/a.ts', "import '#election';"],
  'floor-election': [
    'libs/election/src/a.ts',
    "import type { door } from '#config'; export type A = typeof door;",
  ],
  'floor-etcd': ['libs/etcd/src/a.ts', "import '#postgres';"],
  'floor-postgres': ['libs/postgres/src/a.ts', "import '#queue';"],
  'floor-queue': ['libs/queue/src/a.ts', "import '#etcd';"],
  'floor-fencing': ['libs/fencing/src/a.ts', "import '#tenancy';"],
  'floor-tenancy': ['libs/tenancy/src/a.ts', "import '#audit';"],
  'floor-audit': ['libs/audit/src/a.ts', "import '#webhooks';"],
  'floor-history': ['libs/history/src/a.ts', "import '#audit';"],
  'floor-webhooks': ['libs/webhooks/src/a.ts', "import '#fencing';"],
  'floor-sdk': ['libs/sdk/src/a.ts', "import '#core';"],
  'driver-etcd': ['apps/api/src/b.ts', "import 'etcd3';"],
  'driver-postgres': ['libs/tenancy/src/b.ts', "import 'pg';"],
  'driver-typeorm': ['apps/worker/src/b.ts', "import 'typeorm';"],
  'driver-queue': ['apps/worker/src/c.ts', "import 'bullmq';"],
  'driver-jose': ['apps/api/src/c.ts', "import 'jose';"],
  'driver-telemetry': ['libs/etcd/src/b.ts', "import 'pino';"],
  'driver-webhooks': ['apps/worker/src/e.ts', "import 'undici';"],
  'driver-http': ['libs/tenancy/src/c.ts', "import 'fastify';"],
  'enter-by-door': ['apps/api/src/d.ts', "import '../../../libs/core/src/inside.js';"],
  'door-has-a-name': ['libs/etcd/src/c.ts', "import '../../core/src/index.js';"],
  'no-self-door': ['libs/etcd/src/d.ts', "import '#etcd';"],
  'apps-are-leaves': ['libs/queue/src/b.ts', "import '../../../apps/api/src/main.js';"],
  'apps-stand-apart': ['apps/worker/src/d.ts', "import '../../api/src/main.js';"],
  'testing-stays-in-tests': ['libs/etcd/src/e.ts', "import '#testing';"],
  'nothing-imports-tests': ['libs/etcd/src/f.ts', "import './good.spec.js';"],
  'migrations-stand-alone': ['migrations/1-a.ts', "import '#core';"],
  'demo-is-a-customer': ['scripts/demo/a.ts', "import '#core';"],
  'no-nest-below': ['libs/telemetry/src/b.ts', "import '@nestjs/common';"],
  'pure-needs-no-package': ['libs/election/src/b.ts', "import 'left-pad';"],
  'no-dev-dependency': ['libs/queue/src/c.ts', "import 'installed-for-development';"],
  'no-unresolvable': ['libs/queue/src/d.ts', "import './nowhere.js';"],
  'no-circular': ['libs/queue/src/e.ts', "import './f.js'; export const e = 1;"],
  'no-orphans': ['libs/queue/src/g.ts', 'export const forgotten = 1;'],
};

/** What the house is built of: nothing here may be reported. */
const SOUND: Record<string, string> = {
  'libs/queue/src/f.ts': "import './e.js';",
  'libs/etcd/src/good.ts': "import '#core'; import '#election'; import 'etcd3'; import './inside.js';",
  'libs/etcd/src/good.spec.ts': "import '#testing'; import 'installed-for-development'; import './good.js';",
  'libs/tenancy/src/good.ts':
    "import '#etcd'; import '#postgres'; import 'typeorm'; import '@nestjs/common';",
  'apps/api/src/main.ts': "import '#tenancy'; import '#core'; import 'fastify';",
  'apps/worker/src/main.ts': "import '#queue';",
  'migrations/0-good.ts': "import 'typeorm';",
  'scripts/demo/good.ts': "import '#sdk'; import '#testing'; import 'jose';",
  'test/integration/good.spec.ts': "import '#testing'; import 'pg'; import '../../apps/api/src/main.js';",
};

interface Violation {
  rule: { name: string };
  from: string;
}

let house = '';
let violations: Violation[] = [];

async function put(file: string, content: string): Promise<void> {
  const target = path.join(house, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, `${content}\n`);
}

async function build(): Promise<void> {
  house = await mkdtemp(path.join(tmpdir(), 'incumbent-floors-'));
  const [development, ...shipped] = [...PACKAGES].reverse();
  const versions = (names: string[]): object => Object.fromEntries(names.map((name) => [name, '1.0.0']));
  const manifest = {
    type: 'module',
    imports: { '#*': { source: './libs/*/src/index.ts' } },
    dependencies: versions(shipped),
    devDependencies: versions(development === undefined ? [] : [development]),
  };
  await put('package.json', JSON.stringify(manifest));
  for (const name of PACKAGES) {
    await put(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, version: '1.0.0', main: 'index.js' }),
    );
    await put(`node_modules/${name}/index.js`, 'module.exports = {};');
  }
  for (const name of LIBRARIES) {
    await put(`libs/${name}/src/index.ts`, "export { door } from './inside.js';");
    await put(`libs/${name}/src/inside.ts`, 'export const door = 1;');
  }
  for (const [file, content] of [...Object.entries(SOUND), ...Object.values(BROKEN)])
    await put(file, content);
}

function cruise(): Promise<Violation[]> {
  const folders = ['apps', 'libs', 'migrations', 'scripts', 'test'];
  const args = [CRUISER, '--config', CONFIG, '--output-type', 'json', ...folders];
  const { promise, resolve, reject } = Promise.withResolvers<Violation[]>();
  execFile(process.execPath, args, { cwd: house, maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) => {
    try {
      resolve((JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations);
    } catch {
      reject(new Error(`dependency-cruiser did not report: ${stderr}`));
    }
  });
  return promise;
}

describe('the floors of the house', () => {
  beforeAll(async () => {
    await build();
    violations = await cruise();
  }, 60_000);

  afterAll(async () => {
    await rm(house, { recursive: true, force: true });
  });

  it.each(Object.entries(BROKEN))('%s is reported', (rule, [file]) => {
    const reported = violations.filter((violation) => violation.from === file);
    expect(reported.map((violation) => violation.rule.name)).toContain(rule);
  });

  it('sound imports are not reported', () => {
    const cycle = 'libs/queue/src/f.ts';
    const wrong = violations.filter(({ from }) => from in SOUND && from !== cycle);
    expect(wrong.map(({ rule, from }) => `${rule.name}: ${from}`)).toEqual([]);
  });

  it('every rule of the configuration has a file here that breaks it', async () => {
    const config = (await import(CONFIG)) as { default: { forbidden: { name: string }[] } };
    expect(config.default.forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(BROKEN).sort());
  });
});
