import type { Bench } from '../bench.js';
import { Changes, type Asked } from '../changes.js';
import { figureOf, type Line, percentile } from '../figures.js';
import { pause } from '../rounds.js';
import type { Service } from '../service.js';
import { type Told, WebhookReceiver } from '../webhook-receiver.js';

const EVENTS = ['leadership.acquired', 'leadership.lost'];
const PARTICIPANTS = 64;
/** Changes per second. */
const PACES = [10, 100];
/** What one worker has to work off. */
const BACKLOG = 2_000;
/** Whatever has not come by then counts as lost. */
const COME_WITHIN_MS = 60_000;

/**
 * From the send of the call that changes the leader to the webhook at a receiver on this machine: commit, relay,
 * fan-out, signature and delivery, by one worker. And how fast that worker drains what has piled up without it.
 */
export async function webhooks(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const receiver = await WebhookReceiver.start();
  const participants = Array.from({ length: PARTICIPANTS }, () => service.connect());
  try {
    await participants[0]?.createWebhookEndpoint(receiver.url, EVENTS, ['webhooks-*']);
    const changes = await Changes.prepare('webhooks', participants);
    const latencies = await measureLatencies(bench, service, { changes, receiver });
    return [...latencies, await measureDrain(bench, service, { changes, receiver })];
  } finally {
    for (const participant of participants) participant.close();
    receiver.close();
  }
}

interface Scene {
  changes: Changes;
  receiver: WebhookReceiver;
}

async function measureLatencies(bench: Bench, service: Service, scene: Scene): Promise<Line[]> {
  const worker = await service.worker();
  const lines: Line[] = [];
  try {
    await scene.changes.run(20, 2_000);
    for (const perSecond of PACES) {
      const from = scene.changes.asked.length;
      await scene.changes.run(perSecond, bench.quick ? 2_000 : 15_000);
      await untilAllCame(scene);
      const asked = scene.changes.asked.slice(from);
      const tookMs = asked.map((change) => arrivalOf(change, scene.receiver.told) - change.sentMs);
      const what = `change to webhook received, ${perSecond} changes/s`;
      for (const percent of [50, 99])
        lines.push({
          what: `${what} p${percent}`,
          unit: 'ms',
          ours: { ...figureOf(tookMs), median: percentile(tookMs, percent) },
        });
    }
    return lines;
  } finally {
    await worker.stop();
  }
}

/** Changes pile up while no worker runs; then one comes. */
async function measureDrain(bench: Bench, service: Service, scene: Scene): Promise<Line> {
  const { changes, receiver } = scene;
  const backlog = bench.quick ? 200 : BACKLOG;
  await changes.run(250, (backlog / 250) * 1_000);
  const before = receiver.told.length;
  const worker = await service.worker();
  try {
    await untilAllCame(scene);
    const came = receiver.told.slice(before).map(({ atMs }) => atMs);
    const seconds = (Math.max(...came) - Math.min(...came)) / 1_000;
    const note = `${came.length} that waited, over ${PARTICIPANTS} elections to one endpoint; relay included`;
    return { what: 'deliveries by one worker', unit: '/s', ours: figureOf([came.length / seconds]), note };
  } finally {
    await worker.stop();
  }
}

async function untilAllCame({ changes, receiver }: Scene): Promise<void> {
  const endMs = performance.now() + COME_WITHIN_MS;
  while (performance.now() < endMs) {
    // At least once: the same change may come twice.
    if (new Set(receiver.told.map(nameOf)).size >= changes.asked.length) return;
    await pause(50);
  }
  throw new Error(`${changes.asked.length} changes, ${receiver.told.length} deliveries`);
}

function arrivalOf(change: Asked, told: readonly Told[]): number {
  const name = nameOf(change);
  return told.find((one) => nameOf(one) === name)?.atMs ?? Number.NaN;
}

function nameOf({ election, term, type }: Pick<Told, 'election' | 'term' | 'type'>): string {
  return `${election} ${term} ${type}`;
}
