/** Values that the OpenAPI document shows. */

export const endpointExample = {
  id: 'whe_4t5v6w7x8y9z0a1b2c3d4e5f',
  url: 'https://hooks.example.com/leaders',
  events: ['leadership.acquired', 'leadership.lost'],
  elections: ['billing*'],
  mode: 'all',
  includeFencingToken: false,
  headerNames: [],
  signatureV1a: false,
  timeoutMs: 10_000,
  unstableThreshold: 2,
  status: 'active',
  createdAt: '2026-11-20T07:57:00.000Z',
  updatedAt: '2026-11-20T07:57:00.000Z',
};

/** Not a secret: it says so. */
export const createdEndpointExample = { ...endpointExample, secret: 'whsec_<base64 of 32 bytes>' };

export const deliveryExample = {
  id: 'dlv_7w8x9y0z1a2b3c4d5e6f7g8h',
  endpointId: endpointExample.id,
  messageId: 'evt_1n2p3q4r5s6t7v8w9x0y1z2a',
  type: 'leadership.acquired',
  election: 'billing',
  redelivery: 0,
  state: 'succeeded',
  attemptCount: 1,
  lastStatus: 204,
  createdAt: '2026-11-21T09:30:00.120Z',
  finishedAt: '2026-11-21T09:30:00.190Z',
};

export const pendingDeliveryExample = {
  ...deliveryExample,
  state: 'pending',
  attemptCount: 0,
  lastStatus: undefined,
  finishedAt: undefined,
  nextAttemptAt: '2026-11-21T09:30:00.120Z',
};

export const deliveryDetailExample = {
  ...deliveryExample,
  payload: {
    type: 'leadership.acquired',
    timestamp: '2026-11-21T09:30:00.000Z',
    data: {
      tenant: 'ten_2m3n4p5q6r7s8t9v0w1x2y3z',
      election: 'billing',
      seat: 0,
      epoch: 0,
      sequence: 41,
      term: 14,
      fence: 14,
      leader: { candidate: 'billing-7f9c-1', candidateId: 'cnd_5h6j7k8m9n0p1q2r3s4t5v6w' },
      previousLeader: null,
      occurredAt: '2026-11-21T09:30:00.000Z',
    },
  },
  attempts: [
    { number: 1, startedAt: '2026-11-21T09:30:00.130Z', connectMs: 12, durationMs: 58, status: 204 },
  ],
};
