import type { Metrics } from '#telemetry';

/** What this process leans on, and whether each answered when it was last asked. */
export interface Dependencies {
  etcd(): boolean;
  postgres(): boolean;
  redis(): boolean;
}

/** Tells at every scrape which of them answer, as readiness does. */
export function exposeDependencies(metrics: Metrics, dependencies: Dependencies): void {
  metrics.onScrape(() => {
    for (const dependency of ['etcd', 'postgres', 'redis'] as const)
      metrics.dependencyUp.set({ dependency }, dependencies[dependency]() ? 1 : 0);
  });
}

/** Injection tokens: types have no value. */
export const DEPENDENCIES = Symbol('dependencies');
export const METRICS = Symbol('metrics');
