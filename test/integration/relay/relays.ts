/** Relays on one etcd and one database, changes for them to relay, and what came of those. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { delay } from '#core';
import { type EventRecord, keys } from '#election';
import { OwnedProcess, temporaryFolder, waitUntil } from '#testing';
import { Rig, type RigReplica, stored } from '../election/rig.js';
import { type FreshDatabase, freshDatabase } from '../postgres/fresh-database.js';
import type { RelayProcessOptions } from './relay-process.js';
import { PROBE_TABLE } from './staged-relay.js';

/** Short, so that a killed relay is followed soon. */
export const TTL_MS = 1_000;
const DRAINED_WITHIN_MS = 30_000;
/** Five of them: what is dense for one must be dense for each. */
const ELECTIONS = ['billing', 'mail', 'reports', 'search', 'sync'];

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export class RelayScene {
  /** Every event that was committed, by the watch of a replica that has no part in relaying. */
  readonly told: EventRecord[] = [];
  readonly #started: OwnedProcess[] = [];

  /** @param postgresUrl a server to make the database on, other than that of the run */
  static async start(postgresUrl?: string): Promise<RelayScene> {
    const rig = await Rig.start();
    const fresh = await freshDatabase(postgresUrl === undefined ? {} : { serverUrl: postgresUrl });
    await fresh.ask(PROBE_TABLE);
    const on = await rig.replica();
    const scene = new RelayScene(rig, fresh, on);
    for (const election of ELECTIONS) await rig.election(on, { election });
    return scene;
  }

  private constructor(
    readonly rig: Rig,
    readonly fresh: FreshDatabase,
    readonly on: RigReplica,
  ) {
    on.replica.view.listen({
      eventSeen: (event) => {
        if (event.tenantId === 'ten_a') this.told.push(event);
      },
    });
  }

  options(name: string): Omit<RelayProcessOptions, 'fate'> {
    const etcdUrl = this.rig.etcd.urls[0] ?? '';
    return { name, etcdUrl, prefix: this.rig.prefix, databaseUrl: this.fresh.url, ttlMs: TTL_MS };
  }

  /** A relay in a process of its own. */
  async relay(name: string, fate?: RelayProcessOptions['fate']): Promise<OwnedProcess> {
    const started = await OwnedProcess.launch({
      name,
      command: process.execPath,
      args: [
        // Some libraries use parameter properties, which are more than types.
        '--experimental-transform-types',
        '--import',
        here('../../../scripts/run-from-source.mjs'),
        here('./relay-process.ts'),
        JSON.stringify({ ...this.options(name), ...(fate && { fate }) }),
      ],
      env: { PATH: process.env['PATH'] ?? '' },
      cwd: here('../../..'),
      logFile: `${temporaryFolder()}/${name}.log`,
    });
    this.#started.push(started);
    return started;
  }

  /** So many changes of leadership: each a campaign that wins or a resignation that leaves a vacancy. */
  async changes(count: number): Promise<void> {
    for (let made = 0; made < count; made += 2) {
      const election = ELECTIONS[(made / 2) % ELECTIONS.length] ?? '';
      const participant = this.rig.participant(`p-${made}`, { election });
      await participant.campaign(this.on.replica);
      await participant.resign(this.on.replica);
    }
  }

  /** Makes changes until `done`, so that a relay has something to be met at. */
  async changesUntil(done: () => boolean, what: string): Promise<void> {
    for (let round = 0; !done(); round += 1) {
      if (round > 3_000) throw new Error(`There was no end to waiting for ${what}`);
      await this.changes(2);
      await delay(10);
    }
  }

  /** What waits in the outbox, but for the relays' own elections. */
  async waiting(): Promise<number> {
    const entries = await stored(this.on, { kind: 'prefix', prefix: `${keys.outbox}ten_a/` });
    return entries.length;
  }

  async drained(withinMs = DRAINED_WITHIN_MS): Promise<void> {
    await waitUntil(async () => (await this.waiting()) === 0, { what: 'the outbox to be empty', withinMs });
    await this.rig.caughtUp();
  }

  /** The history by election: ids in order of sequence. */
  async recorded(): Promise<Record<string, string[]>> {
    const rows = await this.fresh.ask<{ election: string; id: string }>(
      'SELECT election, id FROM leadership_events ORDER BY election, epoch, sequence',
    );
    return grouped(rows);
  }

  /** What was committed, in the same form. */
  get truth(): Record<string, string[]> {
    const inOrder = this.told.toSorted((a, b) =>
      a.election === b.election ? a.sequence - b.sequence : a.election < b.election ? -1 : 1,
    );
    return grouped(inOrder);
  }

  /** Ids that a sink was given more than once. */
  async repeated(): Promise<string[]> {
    const rows = await this.fresh.ask<{ event_id: string }>(
      'SELECT event_id FROM relayed GROUP BY event_id HAVING count(*) > 1',
    );
    return rows.map(({ event_id }) => event_id);
  }

  /** How many events each relay brought. */
  async broughtBy(name: string): Promise<number> {
    const [row] = await this.fresh.ask<{ brought: number }>(
      'SELECT count(*)::int AS brought FROM relayed WHERE relay = $1',
      [name],
    );
    return row?.brought ?? 0;
  }

  logOf({ logFile }: OwnedProcess): string {
    return readFileSync(logFile, 'utf8');
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.kill()));
    await this.rig.close();
    await this.fresh.drop();
  }
}

function grouped(rows: readonly { election: string; id: string }[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const { election, id } of rows) (groups[election] ??= []).push(id);
  return groups;
}
