import { Queue } from 'bullmq';
import { withDeadline } from '#core';
import { DEFAULT_PREFIX, QUEUES } from './contracts.js';
import type { RedisLink } from './redis-link.js';

const ANSWER_MS = 1_000;

/** How many jobs of a queue are in which state. */
export interface QueueDepth {
  queue: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/** Counts the jobs of every queue; null while Redis does not answer within a second. */
export async function queueDepths(link: RedisLink, prefix = DEFAULT_PREFIX): Promise<QueueDepth[] | null> {
  if (!link.available()) return null;
  const queues = Object.values(QUEUES).map(
    (name) => new Queue(name, { connection: link.redis, prefix, skipMetasUpdate: true }),
  );
  for (const queue of queues) queue.on('error', () => undefined);
  try {
    return await withDeadline(Promise.all(queues.map(depthOf)), ANSWER_MS, 'counting jobs');
  } catch {
    return null;
  } finally {
    await Promise.all(queues.map((queue) => queue.close().catch(() => undefined)));
  }
}

async function depthOf(queue: Queue): Promise<QueueDepth> {
  const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'failed');
  const { wait = 0, active = 0, delayed = 0, failed = 0 } = counts;
  return { queue: queue.name, waiting: wait, active, delayed, failed };
}
