import { describe, expect, it } from '@jest/globals';
import type { ClusterFacts } from './cluster-facts.js';
import { warningsOf } from './cluster-warnings.js';

const member = (url: string, isLeader: boolean) => ({
  url,
  state: 'up' as const,
  latencyMs: 1,
  memberId: url,
  version: '3.6.14',
  outdated: false,
  isLeader,
  isLearner: false,
  databaseBytes: 1,
  databaseInUseBytes: 1,
  revision: 1,
  raftTerm: 1,
  raftIndex: 1,
  errors: [],
});

const well: ClusterFacts = {
  etcd: {
    endpoints: [member('a', true), member('b', false), member('c', false)],
    members: null,
    leader: 'a',
    revision: 1,
    alarms: [],
    leases: 0,
    database: { inUseBytes: 1, limitBytes: 100, shedding: [] },
  },
  outbox: { waiting: 3, oldestAgeMs: 100 },
  processes: [{ processId: 'prc_w', kind: 'worker', startedAt: '', lives: true, lastSeenMsAgo: 50 }],
  watch: { lagMs: 3 },
  queues: [{ queue: 'q', waiting: 5, active: 1, delayed: 0, failed: 0 }],
  postgres: { state: 'up' },
  redis: { state: 'up' },
};

describe('cluster warnings', () => {
  it('are silent while everything is well', () => expect(warningsOf(well)).toEqual([]));

  it.each<[RegExp, Partial<ClusterFacts>]>([
    [
      /endpoint b does not answer/,
      { etcd: { ...well.etcd, endpoints: [member('a', true), { url: 'b', state: 'down' }] } },
    ],
    [/No etcd endpoint answers/, { etcd: { ...well.etcd, endpoints: [] } }],
    [/No etcd member leads/, { etcd: { ...well.etcd, endpoints: [member('a', false)] } }],
    [
      /etcd 3.4.23 at a has known bugs/,
      { etcd: { ...well.etcd, endpoints: [{ ...member('a', true), version: '3.4.23', outdated: true }] } },
    ],
    [
      /m1 has raised the alarm NOSPACE/,
      { etcd: { ...well.etcd, alarms: [{ memberId: 'm1', alarm: 'NOSPACE' }] } },
    ],
    [
      /refused are admin/,
      { etcd: { ...well.etcd, database: { inUseBytes: 75, limitBytes: 100, shedding: ['admin'] } } },
    ],
    [/filled 65 %/, { etcd: { ...well.etcd, database: { inUseBytes: 65, limitBytes: 100, shedding: [] } } }],
    [/watch does not keep up/, { watch: { lagMs: null } }],
    [/watch is 800 ms behind/, { watch: { lagMs: 800 } }],
    [/Postgres does not answer/, { postgres: { state: 'down' } }],
    [/Redis does not answer/, { redis: { state: 'down' } }],
    [/No worker lives/, { processes: [] }],
    [/3, the oldest for 61 s/, { outbox: { waiting: 3, oldestAgeMs: 61_000 } }],
    [
      /queue q has given up on 2 jobs/,
      { queues: [{ queue: 'q', waiting: 0, active: 0, delayed: 0, failed: 2 }] },
    ],
  ])('say %s', (sentence, change) => {
    const warnings = warningsOf({ ...well, ...change });
    expect(warnings).toEqual([expect.stringMatching(sentence)]);
  });
});
