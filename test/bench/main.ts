/**
 * `npm run bench`: Incumbent beside etcd's own leases and elections, in one run, on one private stack (one API
 * replica, one etcd), by the same caller. Ratios travel from machine to machine, absolute numbers do not.
 *
 *   --quick              half a minute, only to see that everything works
 *   --only <row,row>     some rows alone
 *
 * It measures and tells; it does not judge. The exit code says whether everything could be measured.
 */
import { parseArgs } from 'node:util';
import { type PrivateStack, startPrivateStack } from '#local-stack';
import type { Bench, Row } from './bench.js';
import type { Line } from './figures.js';
import { tableOf, writeReport } from './report.js';
import type { Pace } from './rounds.js';
import { attachedCrash } from './rows/attached-crash.js';
import { attachedCycles } from './rows/attached-cycles.js';
import { attachedRenewals } from './rows/attached-renewals.js';
import { crash } from './rows/crash.js';
import { crowd } from './rows/crowd.js';
import { crowdElections } from './rows/crowd-elections.js';
import { crowdLoad } from './rows/crowd-load.js';
import { crowdReplicas } from './rows/crowd-replicas.js';
import { crowdStorm } from './rows/crowd-storm.js';
import { cycles } from './rows/cycles.js';
import { fairness } from './rows/fairness.js';
import { groupCommit } from './rows/group-commit.js';
import { handOver } from './rows/hand-over.js';
import { httpRenewals } from './rows/http-renewals.js';
import { loneRenewal } from './rows/lone-renewal.js';
import { memory } from './rows/memory.js';
import { rateLimitCost } from './rows/rate-limit-cost.js';
import { relay } from './rows/relay.js';
import { webhooks } from './rows/webhooks.js';
import { Service } from './service.js';

const ROWS: Record<string, Row> = {
  'http-renewals': httpRenewals,
  'lone-renewal': loneRenewal,
  'attached-renewals': attachedRenewals,
  'group-commit': groupCommit,
  cycles,
  'attached-cycles': attachedCycles,
  'hand-over': handOver,
  crash,
  'attached-crash': attachedCrash,
  memory,
  'rate-limit-cost': rateLimitCost,
  fairness,
  webhooks,
  relay,
  crowd,
  elections: crowdElections,
  storm: crowdStorm,
  load: crowdLoad,
  'two-replicas': crowdReplicas,
};

const REPORT = '.data/bench/latest.json';
const FULL: Pace = { warmUpMs: 2_000, roundMs: 2_500, rounds: 5 };
const QUICK: Pace = { warmUpMs: 300, roundMs: 400, rounds: 2 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  const wanted = values.only?.split(',') ?? Object.keys(ROWS);
  const stack = await startPrivateStack();
  const started = { service: undefined as Promise<Service> | undefined };
  const bench: Bench = {
    quick: values.quick,
    pace: values.quick ? QUICK : FULL,
    stack,
    etcdUrl: stack.etcdEndpoints[0] ?? '',
    etcdPids: stack.servers.etcd.pids,
    service: () => (started.service ??= Service.start(stack)),
  };
  try {
    const lines = await measure(bench, wanted);
    console.log(`\n${tableOf(lines)}\n  ${REPORT}`);
    writeReport(REPORT, lines, {
      at: new Date().toISOString(),
      quick: bench.quick,
      etcd: await etcdVersion(stack),
    });
  } finally {
    await (await started.service?.catch(() => undefined))?.stop();
    await stack.stop();
  }
}

async function measure(bench: Bench, wanted: readonly string[]): Promise<Line[]> {
  const lines: Line[] = [];
  for (const name of wanted) {
    const row = ROWS[name];
    if (!row) throw new Error(`There is no row "${name}". Rows: ${Object.keys(ROWS).join(', ')}.`);
    const startMs = performance.now();
    lines.push(...(await row(bench)));
    console.log(`  ${name.padEnd(14)} measured (${((performance.now() - startMs) / 1_000).toFixed(1)} s)`);
  }
  return lines;
}

async function etcdVersion({ etcdEndpoints: [url] }: PrivateStack): Promise<string> {
  const response = await fetch(`${url}/version`);
  return ((await response.json()) as { etcdserver: string }).etcdserver;
}

await main();
