/** What this process leans on, and whether each answered when it was last asked. */
export interface Dependencies {
  etcd(): boolean;
  postgres(): boolean;
  redis(): boolean;
}

/** Injection tokens: types have no value. */
export const DEPENDENCIES = Symbol('dependencies');
export const METRICS = Symbol('metrics');
