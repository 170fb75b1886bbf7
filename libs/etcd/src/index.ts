/**
 * The ElectionStore on etcd: group commit, write fence, watch hub, housekeeping. The sole user of etcd3, which it
 * uses as a typed gRPC stub and nothing more. And the engine of a process: a replica and the store it stands on.
 */
export {
  ClusterInspector,
  type ClusterInspectorOptions,
  type ClusterStatus,
  type EndpointStatus,
} from './cluster-inspector.js';
export { createEngine, type EngineParts } from './create-engine.js';
export { Engine } from './engine.js';
export {
  EtcdElectionStore,
  type EtcdStoreOptions,
  type Listed,
  type ListRequest,
} from './etcd-election-store.js';
export type { StoreLog, StoreMeter } from './meter.js';
