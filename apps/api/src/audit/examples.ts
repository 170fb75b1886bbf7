/** Values that the OpenAPI document shows. */

export const auditEventExample = {
  id: 'aud_5t6w4x2y0z8r1q3m9k7j2h0v',
  tenant: 'ten_2m3n4p5q6r7s8t9v0w1x2y3z',
  sequence: 42,
  action: 'api_key.created',
  actor: { type: 'api_key', id: 'key_9z8y7x6w5v4t3s2r1q0p9n8m' },
  targets: [{ type: 'api_key', id: 'key_0v7k2j3h1m9q8r5t6w4x2y0z', name: 'billing in production' }],
  context: { requestId: 'req_4k2m9x7w1q3r0000a1', ip: '192.0.2.7', userAgent: 'curl/8.5.0' },
  metadata: { scopes: ['elections:read'] },
  occurredAt: '2026-11-20T07:56:00.000Z',
  previousHash: '9f2c1b7e5a4d3f60c8b1e2d4a6f8093b5c7d9e1f2a3b4c5d6e7f8091a2b3c4d5',
  hash: '1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a9c2e4b6d8f0a1c3e5b7d9f1a3c5e7b9d0f',
};

export const checkpointExample = {
  tenant: auditEventExample.tenant,
  sequence: auditEventExample.sequence,
  hash: auditEventExample.hash,
  signedAt: '2026-11-20T08:00:00.000Z',
  token:
    'eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiIsInR5cCI6ImluY3VtYmVudC1hdWRpdC1jaGVja3BvaW50K2p3dCJ9.<claims>.<signature>',
};
