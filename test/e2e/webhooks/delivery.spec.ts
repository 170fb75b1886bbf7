/** From a campaign over HTTP to a receiver: API, relay, fan-out and delivery as real processes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { waitUntil, WebhookSink } from '#testing';
import { Service, type Tenant } from '../service.js';
import { Worker } from '../worker.js';

interface Body {
  type: string;
  data: { election: string; term: number; fence: number; fencingToken?: string; reason?: string };
}

let service: Service;
let worker: Worker;
let tenant: Tenant;
let sink: WebhookSink;
const sinks: WebhookSink[] = [];

beforeAll(async () => {
  const settings = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8' };
  service = await Service.start({ settings });
  worker = await Worker.start(service);
}, 60_000);
beforeEach(async () => {
  tenant = await service.tenant();
  sink = await WebhookSink.start();
  sinks.push(sink);
});
afterAll(async () => {
  await worker?.stop();
  await service?.stop();
  for (const one of sinks) await one.close();
});

const came = (count: number, at = sink): Promise<unknown> =>
  waitUntil(() => at.received.length >= count, { what: `${count} deliveries`, withinMs: 15_000 });

async function endpoint(own: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const events = ['leadership.acquired', 'leadership.lost'];
  const made = await tenant.caller.post('/v1/webhook-endpoints', { url: sink.url('/hook'), events, ...own });
  if (made.status !== 201) throw new Error(made.text);
  return { id: String(made.body['id']), secret: String(made.body['secret']) };
}

describe('a webhook', () => {
  it('tells of a term with a token that is valid while the term lasts, then of its end; all of it signed', async () => {
    const { secret } = await endpoint({ includeFencingToken: true });
    const election = await tenant.caller.election();
    const { body } = await tenant.caller.campaign(election, { candidate: 'one' });
    await came(1);
    const [told] = sink.bodies<Body>();
    expect(told).toMatchObject({ type: 'leadership.acquired', data: { election, fence: body['fence'] } });
    const token = told?.data.fencingToken;
    const verdict = await tenant.caller.post('/v1/fencing-tokens/validate', { token });
    expect(verdict.body).toMatchObject({ valid: true, election, fence: body['fence'] });
    await tenant.caller.resign(election, body);
    await came(2);
    expect(sink.bodies<Body>()[1]).toMatchObject({ type: 'leadership.lost', data: { reason: 'resigned' } });
    for (const { body: text, headers } of sink.received)
      expect(new Webhook(secret).verify(text, headers)).toEqual(JSON.parse(text));
  });

  it('comes in order through every change of a busy election', async () => {
    await endpoint();
    const election = await tenant.caller.election();
    for (let term = 1; term <= 15; term++) {
      const { body } = await tenant.caller.campaign(election, { candidate: `c${term}` });
      await tenant.caller.resign(election, body);
    }
    await came(30);
    const told = sink.bodies<Body>().map(({ type, data }) => `${type} ${data.term}`);
    const expected = Array.from({ length: 15 }, (_, index) => [
      `leadership.acquired ${index + 1}`,
      `leadership.lost ${index + 1}`,
    ]);
    expect(told).toEqual(expected.flat());
  });

  it('is shown with its attempts, and comes again under the same id when somebody asks', async () => {
    const { id } = await endpoint();
    sink.answer({ status: 200, body: 'thank you' });
    const election = await tenant.caller.election();
    await tenant.caller.campaign(election, { candidate: 'one' });
    await came(1);
    const path = '/v1/webhook-deliveries';
    const succeeded = await waitUntil(
      async () => {
        const { body } = await tenant.caller.get(`${path}?endpoint=${id}&state=succeeded`);
        return (body['data'] as { id: string }[])[0];
      },
      { what: 'the delivery to be over' },
    );
    const detail = await tenant.caller.get(`${path}/${succeeded.id}`);
    expect(detail.text).toContain('thank you');
    await tenant.caller.post(`${path}/${succeeded.id}/redeliver`, {});
    await came(2);
    expect(sink.received[1]?.id).toBe(sink.received[0]?.id);
  });

  it('tests an endpoint at once when asked to', async () => {
    const { id } = await endpoint({ events: ['quota.exceeded'] });
    await tenant.caller.post(`/v1/webhook-endpoints/${id}/test`, {});
    await came(1);
    expect(sink.bodies<Body>()).toMatchObject([{ type: 'endpoint.test' }]);
  });
});
