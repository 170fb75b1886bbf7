import type { Policy } from './policy.js';

/**
 * The highest priority is next, among equals whoever waits longest. With preemption it also ends the term of a
 * lower one. The bully algorithm of Garcia-Molina (IEEE Trans. Computers C-31, 1982) as a setting; a priority may
 * have an end, so that the favourite of a deployment does not stay it for ever.
 */
export const priority: Policy = {
  ranks: true,
  order: (queue) => [...queue].sort((a, b) => b.priority - a.priority),
  challenge({ leader, rivals, mayPreempt, fellows, settings, lasted }) {
    if (!settings.preemption) return undefined;
    // Of several seats the weakest leader goes first: a rival challenges only whom nobody weaker stands behind.
    let weaker = fellows.filter((fellow) => fellow.priority < leader.priority).length;
    for (const rival of rivals()) {
      if (rival.priority > leader.priority && mayPreempt(rival) && weaker-- <= 0)
        return lasted(settings.minTermMs ?? 0) ? 'preempted' : undefined;
    }
    return undefined;
  },
};
