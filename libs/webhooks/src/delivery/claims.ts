import { type Clock } from '#core';
import type { Database, EntityManager } from '#postgres';
import type { EndpointRef } from '../outbox.js';
import { type ClaimedDelivery, loadClaimed } from './claimed-delivery.js';
import { BACKLOG, claimStatement, supersedeStatement } from './claim-statements.js';

/**
 * How much longer than the timeout of its endpoint a claim lasts: for preparing the request, for the rest of an
 * answer's body, and for writing the outcome down. A worker that is killed delays what it held by timeout and margin.
 */
export const CLAIM_MARGIN_MS = 10_000;

/** What a worker has room for. */
export interface Room {
  slots: number;
  /** Of them for endpoints that fail. */
  failingSlots: number;
  perTenant: number;
  perEndpoint: number;
  /** In flight at this worker, by tenant. */
  flights: ReadonlyMap<string, number>;
}

/** What was claimed and turned out to be overtaken makes room for what is behind it; a mountain waits for the next look. */
const MOST_ROUNDS = 2;

/** Events that tell who leads: the newest tells all that the older ones did. */
const TELLING = ['leadership.acquired', 'leadership.lost', 'election.vacant'];

/** Which deliveries a worker may send: a claim in their row says so, until it lapses. */
export class Claims {
  constructor(
    private readonly database: Database,
    /** Of this process and no other, ever. */
    private readonly workerId: string,
    private readonly clock: Clock,
  ) {}

  /** Whether Postgres is there, as far as is known: what fails all the same fails by itself. */
  available(): boolean {
    return this.database.available();
  }

  /**
   * Claims heads of lanes that are due: at most one per lane, fair among tenants and their endpoints.
   * @param endpoints where to look; undefined: everywhere
   * @throws IncumbentError database.unavailable
   */
  async take(endpoints: readonly EndpointRef[] | undefined, room: Room): Promise<ClaimedDelivery[]> {
    // Counted from before the claim is made, so that this process thinks it over sooner than Postgres does.
    const claimedMs = this.clock.monotonicMs();
    return this.database.run(async (rows) => {
      // Also heads that wait to be tried again; where only some endpoints are looked at, this comes with the sweep.
      if (!endpoints) await supersede(rows, undefined, []);
      const kept: ClaimedDelivery[] = [];
      let where = endpoints;
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const claimed = await loadClaimed(
          rows,
          await this.claim(rows, where, roomBeside(kept, room)),
          claimedMs,
        );
        const latest = claimed.filter(({ endpoint }) => endpoint.mode === 'latest');
        where = latest.map(({ tenantId, endpoint }) => ({ tenantId, endpointId: endpoint.id }));
        const ids = latest.map(({ id }) => id);
        const overtaken = new Set(latest.length > 0 ? await supersede(rows, where, ids) : []);
        kept.push(...claimed.filter(({ id }) => !overtaken.has(id)));
        if (overtaken.size === 0) break;
      }
      return kept;
    });
  }

  private async claim(
    rows: EntityManager,
    endpoints: readonly EndpointRef[] | undefined,
    room: Room,
  ): Promise<{ tenantId: string; id: string; failing: boolean }[]> {
    const flights = [...room.flights].map(([tenantId, count]) => ({ tenant_id: tenantId, flights: count }));
    const [claimed] = await rows.query<[{ tenantId: string; id: string; failing: boolean }[], number]>(
      claimStatement(!endpoints),
      [
        scopeOf(endpoints),
        JSON.stringify(flights),
        ...[room.perEndpoint, room.perTenant, room.failingSlots, room.slots],
        this.workerId,
        CLAIM_MARGIN_MS,
      ],
    );
    return claimed;
  }

  /**
   * Gives back the claims of this worker but those of the given deliveries.
   * @throws IncumbentError database.unavailable
   */
  async release(except: readonly string[] = []): Promise<void> {
    await this.database.run((rows) =>
      rows.query(
        `UPDATE webhook_deliveries SET claimed_by = NULL, claimed_until = NULL
          WHERE state = 'pending' AND claimed_by = $1 AND id <> ALL($2)`,
        [this.workerId, except],
      ),
    );
  }

  /**
   * How much is owed to endpoints that are active, of each a hundred thousand at most, and for how long the oldest of
   * that has waited.
   * @throws IncumbentError database.unavailable
   */
  async backlog(): Promise<{ pending: number; oldestMs: number }> {
    return this.database.run(async (rows) => {
      const [found] = await rows.query<{ pending: number; oldestMs: number }[]>(BACKLOG);
      return found ?? { pending: 0, oldestMs: 0 };
    });
  }
}

/** What is left for another round. */
function roomBeside(taken: readonly ClaimedDelivery[], room: Room): Room {
  const flights = new Map(room.flights);
  for (const { tenantId } of taken) flights.set(tenantId, (flights.get(tenantId) ?? 0) + 1);
  const failingSlots = room.failingSlots - taken.filter(({ failing }) => failing).length;
  return { ...room, slots: room.slots - taken.length, failingSlots, flights };
}

/** Answers the ids of what was overtaken. */
async function supersede(
  rows: EntityManager,
  endpoints: readonly EndpointRef[] | undefined,
  notBegun: readonly string[],
): Promise<string[]> {
  const [overtaken] = await rows.query<[{ id: string }[], number]>(supersedeStatement(!endpoints), [
    scopeOf(endpoints),
    TELLING,
    notBegun,
  ]);
  return overtaken.map(({ id }) => id);
}

function scopeOf(endpoints: readonly EndpointRef[] | undefined): string | null {
  if (!endpoints) return null;
  return JSON.stringify(
    endpoints.map(({ tenantId, endpointId }) => ({ tenant_id: tenantId, endpoint_id: endpointId })),
  );
}
