/** Values that the OpenAPI document shows. */

export const tenantExample = {
  id: 'ten_2m3n4p5q6r7s8t9v0w1x2y3z',
  name: 'Acme',
  status: 'active',
  plan: 'team',
  quota: {
    maxElections: 1_000,
    maxCandidatesPerElection: 1_000,
    maxApiKeys: 50,
    maxWebhookEndpoints: 20,
    maxSessions: 25_000,
    maxCandidaciesPerSession: 1_000,
    maxStreams: 1_000,
    minTtlMs: 200,
    requestsPerSecond: 500,
  },
  quotaOverrides: { maxSessions: 25_000 },
  createdAt: '2026-11-20T07:55:00.000Z',
};

export const deletingTenantExample = {
  ...tenantExample,
  status: 'deleting',
  purgeAfter: '2026-11-28T09:30:00.000Z',
};

export const apiKeyExample = {
  id: 'key_9z8y7x6w5v4t3s2r1q0p9n8m',
  name: 'billing in production',
  scopes: ['elections:read', 'elections:campaign'],
  electionPrefix: 'billing',
  createdAt: '2026-11-20T07:56:00.000Z',
};

/** Not a key: what stands for its secret says so. */
export const createdApiKeyExample = { ...apiKeyExample, key: 'inc_live_9z8y7x6w5v4t3s2r1q0p9n8m_<secret>' };
