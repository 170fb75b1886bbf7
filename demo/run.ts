/**
 * The double-dialer problem, played with real processes: five dialers, one list of 200 customers, one phone gateway.
 *
 * Exits with 0 if, with Incumbent, every customer was called exactly once although one leader was killed, one frozen
 * beyond its grant and thawed, and one asked to resign; and if the late call of the frozen one was refused.
 *
 * With `--attached` the dialers hold sessions of 300 ms over sockets, and a failover takes hardly longer than that.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Incumbent } from '#sdk';
import { readCustomers } from './customers.js';
import { playFirstAct } from './first-act.js';
import { Director, type TermSeen } from './second-act.js';
import { findService, type FoundService } from './service.js';
import { heading, paint, progress, say, tell } from './stage.js';
import { type Dialer, Gateway, startDialers } from './troupe.js';
import { judge, showFailovers } from './verdict.js';

const DIALERS = 5;
const RING_MS = 60;
/** Short, so that the demo need not wait long for a dead leader; the product's default is 10 s. */
const TTL_MS = 2_000;
const ATTACHED_TTL_MS = 300;
/** What an election may give to those who ask for nothing. */
const LEAST_TTL_MS = 1_000;

const { attached } = parseArgs({ options: { attached: { type: 'boolean', default: false } } }).values;
const ttlMs = attached ? ATTACHED_TTL_MS : TTL_MS;
const customersFile = fileURLToPath(new URL('customers.csv', sourceFolder()));
const cleanups: (() => Promise<void>)[] = [];

/** The list is not built: from `dist/demo` it lies where the sources are. */
function sourceFolder(): URL {
  return import.meta.url.includes('/dist/demo/')
    ? new URL('../../demo/', import.meta.url)
    : new URL('./', import.meta.url);
}

async function cast(fenced: boolean): Promise<{ gateway: Gateway; dialers: Dialer[] }> {
  const gateway = await Gateway.start({ fenced });
  cleanups.push(() => gateway.stop());
  const dialers = await startDialers(DIALERS);
  cleanups.push(async () => void (await Promise.all(dialers.map((dialer) => dialer.stop()))));
  return { gateway, dialers };
}

async function strikeSet(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch(() => undefined);
}

async function openElection({
  baseUrls,
  apiKey,
}: FoundService): Promise<{ client: Incumbent; election: string }> {
  const client = new Incumbent({ baseUrls, apiKey });
  const election = `double-dialer-${randomUUID().slice(0, 8)}`;
  await client.request({
    method: 'POST',
    path: '/v1/elections',
    body: { name: election, ttlMs: Math.max(ttlMs, LEAST_TTL_MS) },
  });
  cleanups.push(
    async () => void (await client.request({ method: 'DELETE', path: `/v1/elections/${election}` })),
  );
  return { client, election };
}

async function showOldToken(client: Incumbent, terms: readonly TermSeen[]): Promise<void> {
  const frozen = terms.find(({ end }) => end.startsWith('frozen'));
  if (frozen?.token === undefined) return;
  const { valid, reason } = await client.validate(frozen.token);
  say(
    `  the fencing token of term ${frozen.term}, asked about now: ${valid ? paint('red', 'valid') : (reason ?? 'invalid')}`,
  );
}

async function main(): Promise<boolean> {
  say(paint('bold', 'The double-dialer problem'));
  say('Five copies of a program read one list of 200 customers. Each customer is to be called exactly once.');
  const customers = readCustomers(customersFile);
  // It starts while the first act is played; whether it could is asked for afterwards.
  const finding = findService();
  finding.catch(() => undefined);
  cleanups.push(async () => void (await (await finding).stop()));
  const first = await cast(false);
  await playFirstAct({ ...first, customers, customersFile, ringMs: RING_MS });
  progress('Incumbent is starting');
  const service = await finding;
  tell(service.note);

  const { client, election } = await openElection(service);
  const second = await cast(true);
  const scene = { ...second, customers, customersFile, ringMs: RING_MS };
  const { terms } = await new Director(scene).play({
    baseUrls: service.baseUrls,
    apiKey: service.apiKey,
    election,
    ttlMs,
    attached,
  });
  const held = judge(customers, await second.gateway.report(), terms);
  showFailovers(terms, ttlMs);
  await showOldToken(client, terms);
  return held;
}

let stopping = false;
/** Ctrl-C comes several times: from the terminal, from npm, from the bootstrap. */
function stopEarly(): void {
  if (stopping) return;
  stopping = true;
  tell('stopping');
  void strikeSet().finally(() => process.exit(1));
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stopEarly);
process.on('disconnect', stopEarly);

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  process.exitCode = 1;
  // What was stopped half way has no story to tell.
  if (!stopping) {
    heading(paint('red', 'The demo did not reach its end'));
    say(error instanceof Error ? error.message : String(error));
  }
} finally {
  await strikeSet();
}
// The channel to the bootstrap would keep this process alive.
process.off('disconnect', stopEarly);
if (process.connected) process.disconnect();
