import type { ClusterFacts } from './cluster-facts.js';

/** An outbox that is drained empties within seconds. */
const OUTBOX_OLD_MS = 60_000;
const WATCH_SLOW_MS = 500;
/** From this share of the limit on somebody should look: the first lane is shed at 70 %. */
const DATABASE_FULL = 0.6;

/** What an operator should look at, the worst first, as sentences. */
export function warningsOf(facts: ClusterFacts): string[] {
  return [...etcdWarnings(facts.etcd), ...serviceWarnings(facts)];
}

function* etcdWarnings({ endpoints, members, alarms, database }: ClusterFacts['etcd']): Generator<string> {
  const up = endpoints.filter((endpoint) => endpoint.state === 'up');
  if (up.length === 0) yield 'No etcd endpoint answers: no election can be served.';
  else if (!up.some((endpoint) => endpoint.isLeader) && up.length >= endpoints.length)
    yield 'No etcd member leads among those of ETCD_ENDPOINTS.';
  for (const { memberId, alarm } of alarms ?? [])
    yield `etcd member ${memberId} has raised the alarm ${alarm}.`;
  for (const { url, state } of endpoints)
    if (state === 'down') yield `The etcd endpoint ${url} does not answer.`;
  for (const { url, version, outdated } of up)
    if (outdated) yield `etcd ${version} at ${url} has known bugs: use a current 3.5 or 3.6 patch release.`;
  if (members !== null && members.length > 1 && members.length % 2 === 0)
    yield `etcd has ${members.length} members: an even number survives no more losses than one less.`;
  const { inUseBytes, limitBytes, shedding } = database;
  if (shedding.length > 0) yield `etcd's database is nearly full: refused are ${shedding.join(', ')}.`;
  else if (inUseBytes !== null && inUseBytes > limitBytes * DATABASE_FULL)
    yield `etcd's database has filled ${Math.round((100 * inUseBytes) / limitBytes)} % of ETCD_DB_LIMIT_BYTES.`;
}

function* serviceWarnings(facts: ClusterFacts): Generator<string> {
  const { outbox, processes, watch, queues, postgres, redis } = facts;
  if (watch.lagMs === null) yield "This replica's watch does not keep up with etcd.";
  else if (watch.lagMs > WATCH_SLOW_MS) yield `This replica's watch is ${watch.lagMs} ms behind.`;
  if (postgres.state === 'down') yield 'Postgres does not answer: nothing can be managed, and history waits.';
  if (redis.state === 'down') yield 'Redis does not answer: background work is slower and limits are local.';
  if (processes !== null && !processes.some(({ kind, lives }) => kind === 'worker' && lives))
    yield 'No worker lives: history, webhooks and retention wait.';
  if ((outbox.oldestAgeMs ?? 0) > OUTBOX_OLD_MS)
    yield `Events wait for the relay: ${outbox.waiting}, the oldest for ${Math.round((outbox.oldestAgeMs ?? 0) / 1_000)} s.`;
  for (const { queue, failed } of queues ?? [])
    if (failed > 0) yield `The queue ${queue} has given up on ${failed} jobs.`;
}
