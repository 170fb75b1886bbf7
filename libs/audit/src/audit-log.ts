import type { Act } from '#core';
import type { ActLog, EntityManager } from '#postgres';
import { chainOf, type ChainLink } from './canonical.js';
import { eventAfter, type StoredEvent } from './chain.js';

/**
 * Appends acts to the chains of their tenants, in the caller's transaction: an act is on record exactly if its
 * effect is. An act whose id its chain already holds is left out, so recording twice is recording once, until
 * retention removes it.
 *
 * The head of every chain concerned stays locked until the transaction ends, so that numbers are dense; chains are
 * locked in the order of their ids, so that two transactions never wait for each other. In a transaction of
 * `forTenant` only acts of that tenant can be recorded.
 */
export class AuditLog implements ActLog {
  async record(rows: EntityManager, acts: readonly Act[]): Promise<void> {
    const byChain = Map.groupBy(acts, (act) => chainOf(act.tenantId));
    const chains = [...byChain.keys()].sort();
    if (chains.length === 0) return;
    const heads = await lockHeads(rows, chains);
    const known = await knownIds(rows, byChain);
    const appended: StoredEvent[] = [];
    for (const chain of chains) {
      let head = heads.get(chain) ?? lost(chain);
      for (const act of byChain.get(chain) ?? []) {
        const key = `${chain} ${act.id}`;
        if (known.has(key)) continue;
        known.add(key);
        const event = eventAfter(head, chain, act);
        appended.push(event);
        head = event;
      }
    }
    if (appended.length === 0) return;
    await insert(rows, appended);
    await moveHeads(rows, appended);
  }
}

/**
 * Inserting before locking, both in order: whoever waits for a new head here holds no lock that its maker wants.
 */
async function lockHeads(rows: EntityManager, chains: string[]): Promise<Map<string, ChainLink>> {
  await rows.query(
    `INSERT INTO audit_chains (tenant_id) SELECT unnest($1::text[]) ON CONFLICT (tenant_id) DO NOTHING`,
    [chains],
  );
  const heads = await rows.query<{ tenant_id: string; sequence: string; hash: string }[]>(
    `SELECT tenant_id, sequence, hash FROM audit_chains WHERE tenant_id = ANY($1) ORDER BY tenant_id FOR UPDATE`,
    [chains],
  );
  return new Map(
    heads.map(({ tenant_id, sequence, hash }) => [tenant_id, { sequence: Number(sequence), hash }]),
  );
}

async function knownIds(
  rows: EntityManager,
  byChain: ReadonlyMap<string, readonly Act[]>,
): Promise<Set<string>> {
  const asked = [...byChain].flatMap(([chain, acts]) => acts.map((act) => [chain, act.id] as const));
  const found = await rows.query<{ tenant_id: string; id: string }[]>(
    `SELECT event.tenant_id, event.id FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, id)
       JOIN audit_events AS event ON event.tenant_id = asked.tenant_id AND event.id = asked.id`,
    [asked.map(([chain]) => chain), asked.map(([, id]) => id)],
  );
  return new Set(found.map(({ tenant_id, id }) => `${tenant_id} ${id}`));
}

async function insert(rows: EntityManager, appended: readonly StoredEvent[]): Promise<void> {
  await rows.query(
    `INSERT INTO audit_events (tenant_id, sequence, id, action, actor_id, target_ids, occurred_at, canonical,
                               previous_hash, hash)
     SELECT event.* FROM jsonb_to_recordset($1::jsonb) AS event (
       "tenantId" text, sequence bigint, id text, action text, "actorId" text, "targetIds" text[],
       "occurredAt" timestamptz, canonical text, "previousHash" text, hash text)`,
    [JSON.stringify(appended)],
  );
}

async function moveHeads(rows: EntityManager, appended: readonly StoredEvent[]): Promise<void> {
  const heads = new Map(
    appended.map(({ tenantId, sequence, hash }) => [tenantId, { tenantId, sequence, hash }]),
  );
  await rows.query(
    `UPDATE audit_chains AS chain SET sequence = head.sequence, hash = head.hash
       FROM jsonb_to_recordset($1::jsonb) AS head ("tenantId" text, sequence bigint, hash text)
      WHERE chain.tenant_id = head."tenantId"`,
    [JSON.stringify([...heads.values()])],
  );
}

function lost(chain: string): never {
  throw new Error(`The head of the audit chain ${chain} is not visible to this transaction`);
}
