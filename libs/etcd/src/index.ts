/**
 * The ElectionStore on etcd: group commit, write fence, watch hub, housekeeping. The sole user of etcd3, which it
 * uses as a typed gRPC stub and nothing more.
 */
export { EtcdElectionStore, type EtcdStoreOptions } from './etcd-election-store.js';
export type { StoreLog, StoreMeter } from './meter.js';
