import type { Policy } from './policy.js';

/**
 * Nobody is next until an operator appoints one of the candidates by a transfer. No election algorithm at all: the
 * queue, the fence, the record and the hand-over remain.
 */
export const manual: Policy = {
  ranks: true,
  order: () => [],
};
