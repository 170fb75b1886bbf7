import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service } from '../service.js';

let service: Service;

beforeAll(async () => {
  service = await Service.start();
}, 60_000);

afterAll(() => service?.stop());

describe('a tenant that meets a quota', () => {
  it('is told once by the endpoints that want to hear of it, however often it tries', async () => {
    const { caller } = await service.tenant({}, { maxElections: 1 });
    // Never sent to: no worker runs beside this service.
    const hook = { url: 'https://93.184.215.14/limits', events: ['quota.exceeded'] };
    expect((await caller.post('/v1/webhook-endpoints', hook)).status).toBe(201);
    await caller.election();
    for (let turn = 0; turn < 5; turn += 1)
      expect((await caller.post('/v1/elections', { name: `x${turn}` })).status).toBe(429);
    const deliveries = async (): Promise<{ id: string }[]> =>
      (await caller.get('/v1/webhook-deliveries')).body['data'] as { id: string }[];
    await waitUntil(async () => (await deliveries()).length > 0, { what: 'the message' });
    const [delivery, ...more] = await deliveries();
    expect(more).toEqual([]);
    const { text } = await caller.get(`/v1/webhook-deliveries/${delivery?.id}`);
    expect(text).toContain('quota.exceeded');
  });
});
