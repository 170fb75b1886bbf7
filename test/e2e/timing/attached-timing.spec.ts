import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { AttachedParticipant } from '../attached/attached-participant.js';
import { Service } from '../service.js';

const ENOUGH = 24;

let service: Service;
let participant: AttachedParticipant;

beforeAll(async () => {
  service = await Service.start();
  const { caller } = await service.tenant();
  participant = await AttachedParticipant.connect(service.url, { key: caller.key });
}, 60_000);

afterAll(async () => {
  participant?.drop();
  await service?.stop();
});

it('a socket is told once that the ttlMs of its session is too short, from the renewals that it carries', async () => {
  const { session } = await participant.does('open', { ttlMs: 1_500 });
  const isWatched = async (): Promise<boolean> =>
    'timing' in (await participant.does('renew', { session, timing: true }));
  await waitUntil(isWatched, { what: 'the session to be watched' });
  for (let time = 0; time < 2 * ENOUGH; time += 1)
    await participant.does('renew', { session, previousRttMs: 400 });
  const { frame } = await participant.told('advice');
  expect(frame).toEqual({
    event: 'advice',
    session,
    reason: 'ttl_too_short',
    ttlMs: 1_500,
    recommendedTtlMs: expect.any(Number),
  });
  const { timing } = await participant.does('renew', { session, timing: true });
  expect(timing).toMatchObject({ tooShort: true, recommendedTtlMs: frame['recommendedTtlMs'] });
  expect(participant.news).toHaveLength(1);
});
