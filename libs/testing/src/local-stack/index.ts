/**
 * etcd, Postgres and Redis as processes of our own, on loopback: for `npm start`, for tests, for benchmarks.
 *
 * Nothing that is started here outlives its starter: it stops in order when asked to, and a watching shell stops it
 * where the starter was killed. Imports nothing of ours, so that it runs from source under plain Node.
 */
export { type Binaries, findBinaries, MissingBinaries } from './binaries.js';
export { type EtcdHandle, EtcdMember, type EtcdOptions, startEtcd } from './etcd.js';
export { type Exit, type Launch, OwnedProcess } from './owned-process.js';
export { freePorts, isPortFree, onFreePorts } from './ports.js';
export { type PostgresOptions, startPostgres } from './postgres.js';
export {
  type PrivateStack,
  startPrivateEtcd,
  startPrivatePostgres,
  startPrivateRedis,
  startPrivateStack,
  temporaryFolder,
} from './private-stack.js';
export { reaper } from './reaper.js';
export { type RedisOptions, type ServerHandle, startRedis } from './redis.js';
