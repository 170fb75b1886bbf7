import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TermSigner } from '../../../apps/worker/src/deliveries/term-signer.js';
import { systemClock } from '#core';
import { FENCING_ENTITIES, KeyRing, KeySealer, SigningKeyStore, TokenLedger } from '#fencing';
import { Database } from '#postgres';
import { createMetrics } from '#telemetry';
import { FaultProxy, waitUntil } from '#testing';
import { type FreshDatabase, freshDatabase, silent } from '../postgres/fresh-database.js';

let fresh: FreshDatabase;
let proxy: FaultProxy;
let database: Database;
let signer: TermSigner;

beforeEach(async () => {
  fresh = await freshDatabase();
  proxy = await FaultProxy.start(fresh.url);
  const url = Object.assign(new URL(fresh.url), { port: `${proxy.port}` }).href;
  database = new Database({ url, applicationName: 'test', entities: FENCING_ENTITIES }, silent, systemClock);
  database.start();
  await waitUntil(() => database.available(), { what: 'the database' });
  const options = { algorithm: 'ES256', tokenLifetimeMs: 60_000 } as const;
  const sealer = new KeySealer('7a'.repeat(32));
  const keyRing = new KeyRing(new SigningKeyStore(database), sealer, options, silent, systemClock);
  await keyRing.load();
  const parts = { keyRing, ledger: new TokenLedger(database), issuer: 'incumbent' };
  signer = new TermSigner(
    { ...parts, metrics: createMetrics({ processMetrics: false }) },
    silent,
    systemClock,
  );
});
afterEach(async () => {
  await database.close();
  await proxy.close();
  await fresh.drop();
});

const term = (fence: number) => ({
  tenantId: 'ten_a',
  electionId: 'elc_a',
  election: 'billing',
  candidateId: 'cnd_a',
  candidate: 'one',
  seat: 0,
  epoch: 0,
  term: fence,
  fence,
});
const issued = async (): Promise<number[]> =>
  (await fresh.ask<{ fence: string }>('SELECT fence FROM fencing_tokens ORDER BY fence')).map(({ fence }) =>
    Number(fence),
  );

describe('the signer of terms', () => {
  it('signs a term once, however many deliveries tell of it, and writes it into the ledger', async () => {
    const tokens = await Promise.all([signer.sign(term(1)), signer.sign(term(1)), signer.sign(term(2))]);
    expect(tokens[0]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(tokens[1]).toBe(tokens[0]);
    expect(tokens[2]).not.toBe(tokens[0]);
    expect(await issued()).toEqual([1, 2]);
  });

  it('lets no token out that is not in the ledger, and no delivery wait for one', async () => {
    proxy.cut();
    expect(await signer.sign(term(1))).toBeUndefined();
    proxy.pass();
    await waitUntil(() => database.available(), { what: 'the database to be back', withinMs: 15_000 });
    expect(await signer.sign(term(1))).toBeDefined();
    expect(await issued()).toEqual([1]);
  });
});
