/**
 * Runs once before the integration and end-to-end tests: starts a private stack, unless the caller (`npm test`, or
 * a developer with servers of their own) already names one by TEST_DATABASE_URL, TEST_REDIS_URL and
 * TEST_ETCD_ENDPOINTS. The test processes inherit the addresses.
 */
import './run-from-source.mjs';

export default async function setUp() {
  if (process.env.TEST_DATABASE_URL && process.env.TEST_REDIS_URL && process.env.TEST_ETCD_ENDPOINTS) return;
  const { startPrivateStack } = await import('../libs/testing/src/local-stack/index.ts');
  const stack = await startPrivateStack();
  process.env.TEST_DATABASE_URL = stack.databaseUrl;
  process.env.TEST_REDIS_URL = stack.redisUrl;
  process.env.TEST_ETCD_ENDPOINTS = stack.etcdEndpoints.join(',');
  globalThis.incumbentPrivateStack = stack;
}
