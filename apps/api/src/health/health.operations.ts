import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import type { OperationSpec } from '../http/operation.js';

const tag = 'Operation';

export const getLive = {
  id: 'getLive',
  method: RequestMethod.GET,
  path: '/health/live',
  tag,
  summary: 'Does the process answer',
  description: 'Looks at nothing but the process. Restart it when this fails.',
  access: 'public',
  answers: {
    200: {
      description: 'It answers.',
      schema: z.object({ status: z.literal('ok') }).meta({ id: 'Liveness' }),
      examples: { ok: { status: 'ok' } },
    },
  },
} as const satisfies OperationSpec;

const dependency = z.enum(['up', 'down']);

const readiness = z
  .object({
    status: z.enum(['ready', 'unavailable', 'stopping']),
    dependencies: z.object({
      etcd: dependency.meta({ description: 'Decides.' }),
      postgres: dependency.meta({
        description: 'Reported only: without it nothing can be managed, elections go on.',
      }),
      redis: dependency.meta({
        description: 'Reported only: without it the token ledger lags, elections go on.',
      }),
    }),
  })
  .meta({ id: 'Readiness' });

const ready = { status: 'ready', dependencies: { etcd: 'up', postgres: 'up', redis: 'up' } };

export const getReady = {
  id: 'getReady',
  method: RequestMethod.GET,
  path: '/health/ready',
  tag,
  summary: 'Should this replica get requests',
  description: 'etcd alone decides, because elections need nothing else.',
  access: 'public',
  answers: {
    200: { description: 'Send requests here.', schema: readiness, examples: { ready } },
    503: {
      description: 'Send requests elsewhere.',
      schema: readiness,
      examples: { stopping: { ...ready, status: 'stopping' } },
    },
  },
} as const satisfies OperationSpec;

export const getMetrics = {
  id: 'getMetrics',
  method: RequestMethod.GET,
  path: '/metrics',
  tag,
  summary: 'Metrics in the Prometheus text format',
  description: 'On a port of its own when METRICS_PORT is set, which is the way to run in production.',
  access: 'public',
  answers: {
    200: {
      description: 'The metrics.',
      mediaType: 'text/plain',
      schema: z.string(),
      examples: { text: '# TYPE incumbent_leaders gauge\nincumbent_leaders 3\n' },
    },
  },
} as const satisfies OperationSpec;
