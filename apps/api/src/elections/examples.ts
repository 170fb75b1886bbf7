/** Values that the OpenAPI document shows; one story, so that the calls fit each other. */

export const leaderExample = {
  candidate: 'billing-7f9c-1',
  candidateId: 'cnd_5g6h7j8k9m0n1p2q3r4s5t6v',
  address: 'http://10.0.4.17:8080',
  seat: 0,
  term: 7,
  fence: 7,
  electedAt: '2026-11-21T09:30:00.000Z',
};

const serverTime = '2026-11-21T09:30:02.118Z';
const session = 'ses_0a1b2c3d4e5f6g7h8j9k0m1n.10000.q3J5v0mZ';

export const leadingExample = {
  election: 'billing',
  candidate: leaderExample.candidate,
  candidateId: leaderExample.candidateId,
  session,
  state: 'leader',
  leader: leaderExample,
  sequence: 13,
  seat: 0,
  term: 7,
  fence: 7,
  fencingToken: 'eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.eyJmZW5jZSI6N30.c2lnbmF0dXJl',
  ttlMs: 10_000,
  validForMs: 9_800,
  renewAfterMs: 3_333,
  serverTime,
};

export const waitingExample = {
  election: 'billing',
  candidate: 'billing-7f9c-2',
  candidateId: 'cnd_6h7j8k9m0n1p2q3r4s5t6v7w',
  session: 'ses_1b2c3d4e5f6g7h8j9k0m1n2p.10000.x8Jw1nTq',
  state: 'waiting',
  position: 1,
  leader: leaderExample,
  sequence: 13,
  ttlMs: 10_000,
  renewAfterMs: 3_333,
  serverTime,
};

export const outExample = {
  election: 'billing',
  session,
  state: 'out',
  leader: null,
  sequence: 14,
  ttlMs: 10_000,
  renewAfterMs: 3_333,
  serverTime,
  reason: 'deleted',
};

export const resignationExample = {
  election: 'billing',
  state: 'out',
  sequence: 15,
  successor: {
    ...leaderExample,
    candidate: 'billing-7f9c-2',
    candidateId: waitingExample.candidateId,
    term: 8,
    fence: 8,
  },
  serverTime,
};

export const leadershipExample = {
  election: 'billing',
  leader: leaderExample,
  seat: 0,
  term: 7,
  fence: 7,
  sequence: 13,
  serverTime,
};

export const vacancyExample = {
  election: 'billing',
  leader: null,
  seat: 0,
  term: 7,
  fence: 7,
  sequence: 14,
  serverTime,
};

export const electionExample = {
  id: 'elc_7j8k9m0n1p2q3r4s5t6v7w8x',
  name: 'billing',
  description: 'Which copy of the billing run may charge cards',
  state: 'open',
  policy: 'fifo',
  ttlMs: 10_000,
  maxTtlMs: 60_000,
  seats: 1,
  preemption: false,
  maxTermMs: 0,
  minTermMs: 0,
  graceMs: 10_000,
  takeoverDelayMs: 0,
  shortTermMs: 0,
  backoffMs: 0,
  quarantineAfter: 0,
  healthFloor: 0,
  maxCandidates: 1_000,
  createdAt: '2026-11-20T08:00:00.000Z',
  updatedAt: '2026-11-20T08:00:00.000Z',
};

export const queuedExample = {
  candidate: waitingExample.candidate,
  candidateId: waitingExample.candidateId,
  state: 'waiting',
  position: 1,
  joinedAt: '2026-11-21T09:30:01.750Z',
};

const { candidate, candidateId, address } = leaderExample;

export const handOverExample = {
  id: 'hov_8k9m0n1p2q3r4s5t6v7w8x9y',
  election: 'billing',
  seat: 0,
  kind: 'transfer',
  mode: 'graceful',
  state: 'asked',
  expectedTerm: 7,
  from: { candidate, candidateId, address },
  to: waitingExample.candidate,
  fallback: 'next',
  graceMs: 5_000,
  reason: 'new version',
  requestedAt: '2026-11-21T09:41:00.000Z',
  requestedBy: { type: 'api_key', id: 'key_1a2b3c4d5e6f7g8h9j0k1m2n' },
  serverTime: '2026-11-21T09:41:00.012Z',
};

const successor = {
  candidate: waitingExample.candidate,
  candidateId: waitingExample.candidateId,
  term: 8,
};

export const doneHandOverExample = {
  ...handOverExample,
  state: 'done',
  finishedAt: '2026-11-21T09:41:02.481Z',
  successor,
  acknowledged: true,
  gapMs: 0,
};

const { to: _to, fallback: _fallback, ...ofNobody } = doneHandOverExample;

export const immediateHandOverExample = {
  ...ofNobody,
  kind: 'depose',
  mode: 'immediate',
  graceMs: 0,
  reason: 'writes garbage',
  finishedAt: handOverExample.requestedAt,
  acknowledged: false,
  oldLeaderMayBelieveForMs: 9_800,
};
