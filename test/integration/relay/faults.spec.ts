import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { systemClock } from '#core';
import { electionRef, keys } from '#election';
import { FaultProxy, waitUntil } from '#testing';
import { silent } from '../postgres/fresh-database.js';
import { RelayScene, TTL_MS } from './relays.js';
import { type Stage, type StagedRelay, stagedRelay } from './staged-relay.js';

const TEST_MS = 60_000;

let scene: RelayScene;
let toPostgres: FaultProxy;
let relay: StagedRelay | undefined;

beforeEach(async () => {
  scene = await RelayScene.start();
  toPostgres = await FaultProxy.start(scene.fresh.url);
}, TEST_MS);
afterEach(async () => {
  await relay?.close();
  relay = undefined;
  await toPostgres.close();
  await scene.close();
}, TEST_MS);

/** A relay in this process, whose way to Postgres has faults. */
function start(at?: (stage: Stage) => void | Promise<void>): StagedRelay {
  const databaseUrl = Object.assign(new URL(scene.fresh.url), { port: `${toPostgres.port}` }).href;
  const options = { ...scene.options('staged'), databaseUrl, logger: silent, ttlMs: TTL_MS };
  relay = stagedRelay({ ...options, ...(at && { at }) });
  return relay;
}

async function metric(name: string): Promise<number> {
  const body = (await relay?.metrics.expose())?.body ?? '';
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
}

async function expectWhole(): Promise<void> {
  expect(await scene.recorded()).toEqual(scene.truth);
  expect(await scene.repeated()).toEqual([]);
}

describe('the relay', () => {
  it(
    'whose connections to Postgres are cut again and again brings everything, once and in order',
    async () => {
      start();
      for (let cuts = 0; cuts < 12; cuts += 1) {
        const before = toPostgres.accepted;
        await scene.changes(10);
        toPostgres.disconnect();
        await waitUntil(() => toPostgres.accepted > before, { what: 'a new connection', withinMs: 15_000 });
      }
      await scene.drained();
      await expectWhole();
    },
    TEST_MS,
  );

  it(
    'that never hears whether its transaction was committed finds out, and writes nothing twice',
    async () => {
      let lost = 0;
      start((stage) => {
        if (stage !== 'written' || lost >= 3) return;
        lost += 1;
        // The commit is carried out; its answer is lost with the connection.
        toPostgres.holdReplies();
        const cut = setInterval(() => {
          if (toPostgres.heldReplyBytes === 0) return;
          clearInterval(cut);
          toPostgres.disconnect();
          toPostgres.pass();
        }, 1);
      });
      for (let round = 0; round < 4; round += 1) {
        await scene.changes(10);
        await scene.drained();
      }
      expect(lost).toBe(3);
      await expectWhole();
    },
    TEST_MS,
  );

  it(
    'lets elections go on while Postgres is away, says how much waits and for how long, and drains it in order',
    async () => {
      start();
      await waitUntil(() => relay?.seat.fence !== undefined, { what: 'a relay', withinMs: 15_000 });
      // What waited from before is gone, or it would be a matter of luck how much of it is.
      await scene.drained();
      toPostgres.cut();
      await scene.changes(100);
      expect(await scene.waiting()).toBe(scene.told.length);
      const enough = async (): Promise<boolean> =>
        (await metric('incumbent_outbox_events')) >= scene.told.length;
      await waitUntil(enough, { what: 'the metric of the outbox', withinMs: 15_000 });
      const seconds = await metric('incumbent_outbox_oldest_seconds');
      expect(seconds).toBeGreaterThan(0);
      toPostgres.pass();
      await scene.drained();
      await waitUntil(async () => (await metric('incumbent_outbox_events')) === 0, {
        what: 'an empty outbox',
      });
      await expectWhole();
    },
    TEST_MS,
  );

  it(
    'keeps what one election’s rows are refused for from holding up any other, until they are taken',
    async () => {
      // What a row may hold is for the tables to say; here they refuse one election.
      await scene.fresh.ask(
        "ALTER TABLE leadership_events ADD CONSTRAINT poison CHECK (election <> 'mail') NOT VALID",
      );
      start();
      await scene.changes(40);
      const others = async (): Promise<boolean> => {
        const { mail: _mail, ...rest } = await scene.recorded();
        const { mail: _truth, ...truth } = scene.truth;
        return JSON.stringify(rest) === JSON.stringify(truth);
      };
      await waitUntil(others, { what: 'the other elections', withinMs: 20_000 });
      await waitUntil(async () => (await metric('incumbent_outbox_held_elections')) === 1, {
        what: 'the metric of what is held',
        withinMs: 15_000,
      });
      expect((await scene.recorded())['mail']).toBeUndefined();
      await scene.fresh.ask('ALTER TABLE leadership_events DROP CONSTRAINT poison');
      await scene.changes(2);
      await scene.drained();
      await expectWhole();
    },
    TEST_MS,
  );

  it(
    'goes on with the other elections while the rows of one are locked, for however long',
    async () => {
      start();
      await scene.changes(10);
      await scene.drained();
      const holder = new pg.Client({ connectionString: scene.fresh.url });
      await holder.connect();
      try {
        await holder.query('BEGIN');
        const { electionId } = electionRef('ten_a', 'billing');
        await holder.query('SELECT FROM history_progress WHERE election_id = $1 FOR UPDATE', [electionId]);
        await scene.changes(20);
        const others = async (): Promise<boolean> => {
          const { billing: _billing, ...rest } = await scene.recorded();
          const { billing: _truth, ...truth } = scene.truth;
          return JSON.stringify(rest) === JSON.stringify(truth);
        };
        await waitUntil(others, { what: 'the other elections', withinMs: 30_000 });
        expect((await scene.recorded())['billing']).not.toEqual(scene.truth['billing']);
      } finally {
        await holder.end();
      }
      await scene.drained();
      await expectWhole();
    },
    TEST_MS,
  );

  it(
    'marks a hole where an event was lost on the way, and goes on',
    async () => {
      await scene.changes(10);
      const ref = electionRef('ten_a', 'billing');
      const { gate } = scene.on;
      const deadlineMs = systemClock.monotonicMs() + 5_000;
      const writes = [{ kind: 'delete' as const, key: keys.event(ref, 0, 2) }];
      await gate.commit({ guards: [], writes, reads: [] }, { lane: 'admin', tenantId: 'test', deadlineMs });
      start();
      await scene.drained();
      const rows = await scene.fresh.ask(
        "SELECT sequence::int, missing_before::int FROM leadership_events WHERE election = 'billing' ORDER BY sequence",
      );
      expect(rows).toEqual([
        { sequence: 1, missing_before: 0 },
        { sequence: 3, missing_before: 1 },
      ]);
      const terms = await scene.fresh.ask(
        "SELECT term::int, reason, reconstructed FROM leadership_terms WHERE name = 'billing'",
      );
      expect(terms).toEqual([{ term: 1, reason: 'resigned', reconstructed: true }]);
    },
    TEST_MS,
  );

  it(
    'puts acts on elections and changes of leadership on record, with whoever caused them',
    async () => {
      start();
      await scene.changes(2);
      await scene.drained();
      const rows = await scene.fresh.ask<{ action: string; actor_id: string }>(
        "SELECT action, actor_id FROM audit_events WHERE target_ids @> ARRAY['billing'] ORDER BY sequence",
      );
      expect(rows.map(({ action }) => action)).toEqual([
        'election.created',
        'leadership.acquired',
        'leadership.lost',
      ]);
      expect(rows[0]?.actor_id).toBe('engine');
      expect(rows[1]?.actor_id).toMatch(/^cnd_/);
    },
    TEST_MS,
  );

  it(
    'brings metadata that Postgres cannot hold, as near as it can',
    async () => {
      start();
      const participant = scene.rig.participant('a', { election: 'billing' });
      await participant.campaign(scene.on.replica, { metadata: { 'k\0': 'v\0\ud800' } });
      await scene.drained();
      const rows = await scene.fresh.ask("SELECT leader->'metadata' AS metadata FROM leadership_events");
      expect(rows).toEqual([{ metadata: { 'k\ufffd': 'v\ufffd\ufffd' } }]);
    },
    TEST_MS,
  );

  it(
    'resigns when it is closed, so that another one goes on before its session has expired',
    async () => {
      const first = start();
      await waitUntil(() => first.seat.fence !== undefined, { what: 'a relay', withinMs: 15_000 });
      const options = { ...scene.options('second'), logger: silent, ttlMs: TTL_MS };
      const second = stagedRelay(options);
      try {
        await scene.changes(4);
        await first.close();
        relay = undefined;
        await scene.changes(4);
        await scene.drained();
        await expectWhole();
        expect(await scene.broughtBy('second')).toBeGreaterThan(0);
      } finally {
        await second.close();
      }
    },
    TEST_MS,
  );
});
