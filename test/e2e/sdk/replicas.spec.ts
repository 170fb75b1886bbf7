import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Deployment } from './deployment.js';

const TTL_MS = 3_000;

let deployment: Deployment;

beforeAll(async () => {
  deployment = await Deployment.start(2);
}, 60_000);

// One of them is dead by then.
afterAll(() => deployment?.replicas[1]?.stop());

describe('a candidacy with two replicas to talk to', () => {
  it('keeps its term when the replica it talks to freezes, and when it is killed', async () => {
    const candidacy = deployment
      .client()
      .election(await deployment.election())
      .campaign({ candidate: 'me', ttlMs: TTL_MS });
    const told: string[] = [];
    candidacy.on('elected', ({ term }) => told.push(`elected ${term}`));
    candidacy.on('lost', ({ reason }) => told.push(`lost ${reason}`));
    await candidacy.whenElected();
    const [first] = deployment.replicas;
    first?.process.pause();
    const endMs = performance.now() + 1.2 * TTL_MS;
    await waitUntil(() => performance.now() > endMs, { what: 'more than a TTL', withinMs: 2 * TTL_MS });
    expect(candidacy.isLeader()).toBe(true);
    await first?.process.kill();
    const laterMs = performance.now() + TTL_MS / 2;
    await waitUntil(() => performance.now() > laterMs, { what: 'two renewals more', withinMs: TTL_MS });
    expect(candidacy.isLeader()).toBe(true);
    expect(told).toEqual(['elected 1']);
    await candidacy.close();
  });
});
