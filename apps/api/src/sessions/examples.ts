import { leadingExample } from '../elections/examples.js';

/** Values that the OpenAPI document shows: the process of `billing` shares its session with two more elections. */

const { session, ttlMs, renewAfterMs, validForMs, serverTime } = leadingExample;

export const sessionExample = { session, ttlMs, renewAfterMs, validForMs, serverTime };

const { election, candidate, candidateId, term, fence, fencingToken } = leadingExample;

export const renewedExample = {
  ...sessionExample,
  terms: [
    {
      ...{ election, candidate, candidateId, seat: 0, state: 'leader' },
      ...{ term, fence, fencingToken, validForMs },
    },
    {
      election: 'reports',
      candidate,
      candidateId: 'cnd_7j8k9m0n1p2q3r4s5t6v7w8x',
      seat: 0,
      state: 'yielding',
      term: 3,
      fence: 3,
      reason: 'paused',
    },
  ],
  candidacies: 3,
};

export const endedExample = { state: 'ended', serverTime };
