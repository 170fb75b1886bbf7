/**
 * The ElectionStore on etcd: group commit, write fence, watch hub, housekeeping. Commits and reads travel over
 * node:http2; it is the sole user of etcd3, a typed gRPC stub for the watch and for what is asked now and then. And
 * the engine of a process: a replica and the store it stands on.
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
