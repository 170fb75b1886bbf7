import { RequestMethod } from '@nestjs/common';
import { LANES } from '#election';
import { z } from 'zod';
import { timestamp } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';

const count = z.int().min(0);

const endpoint = z
  .object({
    url: z.string(),
    state: z.enum(['up', 'down']).meta({ description: '`down`: no answer within 1.5 seconds.' }),
    latencyMs: count.optional(),
    memberId: z.string().optional(),
    version: z.string().optional(),
    outdated: z.boolean().optional().meta({ description: 'Older than 3.5.33 or 3.6.14.' }),
    isLeader: z.boolean().optional(),
    isLearner: z.boolean().optional(),
    databaseBytes: count.optional(),
    databaseInUseBytes: count.optional(),
    revision: count.optional(),
    raftTerm: count.optional(),
    raftIndex: count.optional(),
    errors: z.array(z.string()).optional(),
  })
  .meta({ id: 'EtcdEndpoint', description: 'One of ETCD_ENDPOINTS; without the rest while it is down.' });

const etcd = z
  .object({
    endpoints: z.array(endpoint),
    members: z
      .array(
        z.object({
          id: z.string(),
          name: z.string(),
          clientUrls: z.array(z.string()),
          peerUrls: z.array(z.string()),
          isLearner: z.boolean(),
        }),
      )
      .nullable(),
    leader: z.string().nullable().meta({ description: 'Id of the leading member.' }),
    revision: count.nullable(),
    alarms: z.array(z.object({ memberId: z.string(), alarm: z.string() })).nullable(),
    leases: count
      .nullable()
      .meta({ description: 'Of everybody on this etcd; the service itself uses none.' }),
    database: z.object({
      inUseBytes: count.nullable(),
      limitBytes: count,
      shedding: z.array(z.enum(LANES)).meta({ description: 'Kinds of work that are refused at this size.' }),
    }),
  })
  .meta({ id: 'EtcdStatus', description: 'Null where no member answered.' });

const server = z
  .object({
    state: z.enum(['up', 'down']),
    latencyMs: count.optional(),
    version: z.string().optional(),
    databaseBytes: count.optional(),
  })
  .meta({ id: 'ServerStatus' });

const processSight = z
  .object({
    processId: z.string(),
    kind: z.enum(['api', 'worker']),
    startedAt: timestamp,
    lives: z.boolean(),
    lastSeenMsAgo: count.nullable(),
  })
  .meta({
    id: 'ServiceProcess',
    description: 'A process of the service; dead ones are listed for a minute.',
  });

const queueDepth = z
  .object({ queue: z.string(), waiting: count, active: count, delayed: count, failed: count })
  .meta({ id: 'QueueDepth' });

const cluster = z
  .object({
    etcd,
    outbox: z.object({
      waiting: count.nullable().meta({ description: 'Events that the relay has not taken yet.' }),
      oldestAgeMs: count.nullable().meta({ description: 'Age of the oldest of the first 200.' }),
    }),
    processes: z.array(processSight).nullable(),
    watch: z.object({
      lagMs: count.nullable().meta({
        description: "Until this replica's view shows what etcd has just committed; null: longer than 1.5 s.",
      }),
    }),
    queues: z.array(queueDepth).nullable(),
    postgres: server,
    redis: server,
    warnings: z.array(z.string()).meta({ description: 'What somebody should look at.' }),
    observedAt: timestamp,
  })
  .meta({ id: 'ClusterStatus', description: 'As this replica sees it.' });

const member = {
  url: 'http://etcd-1:2379',
  state: 'up',
  latencyMs: 3,
  memberId: 'ade526d28b1f92f7',
  version: '3.6.14',
  outdated: false,
  isLeader: true,
  isLearner: false,
  databaseBytes: 25_165_824,
  databaseInUseBytes: 18_472_960,
  revision: 4_711_000,
  raftTerm: 5,
  raftIndex: 4_720_133,
  errors: [],
};

const example = {
  etcd: {
    endpoints: [member, { url: 'http://etcd-2:2379', state: 'down' }],
    members: [
      {
        id: 'ade526d28b1f92f7',
        name: 'etcd-1',
        clientUrls: ['http://etcd-1:2379'],
        peerUrls: ['http://etcd-1:2380'],
        isLearner: false,
      },
    ],
    leader: 'ade526d28b1f92f7',
    revision: 4_711_000,
    alarms: [],
    leases: 0,
    database: { inUseBytes: 18_472_960, limitBytes: 1_500_000_000, shedding: [] },
  },
  outbox: { waiting: 2, oldestAgeMs: 140 },
  processes: [
    {
      processId: 'prc_1c2d3e4f5g6h7j8k9m0n1p2q',
      kind: 'api',
      startedAt: '2026-11-20T07:00:00.000Z',
      lives: true,
      lastSeenMsAgo: 60,
    },
  ],
  watch: { lagMs: 2 },
  queues: [{ queue: 'token-ledger', waiting: 0, active: 1, delayed: 0, failed: 0 }],
  postgres: { state: 'up', latencyMs: 1, version: '17.2', databaseBytes: 98_304_000 },
  redis: { state: 'up', latencyMs: 1 },
  warnings: ['The etcd endpoint http://etcd-2:2379 does not answer.'],
  observedAt: '2026-11-21T09:30:00.000Z',
};

export const getCluster = {
  id: 'getCluster',
  method: RequestMethod.GET,
  path: '/admin/v1/cluster',
  tag: 'Administration',
  access: 'admin',
  summary: 'How everything is that the service stands on',
  description:
    'Members, leader, versions, size and alarms of etcd; processes of the service; how far this replica and the relay ' +
    'are behind; queues; Postgres and Redis. What does not answer is told as such and fails nothing: the call takes ' +
    'two to three seconds then.',
  answers: { 200: { description: 'What answered.', schema: cluster, examples: { degraded: example } } },
} as const satisfies OperationSpec;
