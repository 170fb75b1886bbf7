import type { Policy } from './policy.js';

/**
 * Leadership goes round: after at most `maxTermMs` the next in the ring leads, while there is another. The ring is
 * that of the candidates' names, so who joins again takes its old place in it. The ring algorithm (Le Lann, IFIP
 * 1977; Chang and Roberts, CACM 1979) with the term as the token that goes round.
 */
export const rotation: Policy = {
  ranks: true,
  order(queue, { lastLeader }) {
    const ring = [...queue].sort((a, b) => (a.name < b.name ? -1 : 1));
    const next = ring.findIndex(({ name }) => lastLeader !== undefined && name > lastLeader);
    return next < 0 ? ring : [...ring.slice(next), ...ring.slice(0, next)];
  },
  challenge({ rivals, settings: { maxTermMs = 0 }, lasted }) {
    for (const _rival of rivals()) return lasted(maxTermMs) ? 'rotated' : undefined;
    return undefined;
  },
};
