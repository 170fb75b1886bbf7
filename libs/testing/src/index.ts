/** What tests and the local stack share; no product code imports it. */
export { FakeClock } from './fake-clock.js';
export { FaultProxy } from './fault-proxy.js';
export {
  EtcdMember,
  type EtcdHandle,
  freePorts,
  isPortFree,
  onFreePorts,
  OwnedProcess,
  type PrivateStack,
  type ServerHandle,
  startPrivateEtcd,
  temporaryFolder,
} from './local-stack/index.js';
export { MemoryElectionStore, MemoryStoreData, type MemoryStoreOptions } from './memory-store.js';
export { waitUntil, type WaitOptions } from './wait-until.js';
export { createElection, type ElectionCalls, Participant, type ParticipantOptions } from './participant.js';
export { Contest, type Contestant } from './contest.js';
export { Interleaving, type Model, type Mutation, type Step } from './interleaving.js';
export { type Received, type SinkAnswer, WebhookSink } from './webhook-sink.js';
export { SINK_CERTIFICATE, SINK_KEY } from './webhook-sink-certificate.js';
