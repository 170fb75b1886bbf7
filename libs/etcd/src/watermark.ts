import { type Lane, LANES } from '#election';
import type { Caller } from './caller.js';
import { deadlineIn, type Endpoint } from './endpoint.js';
import type { StoreLog, StoreMeter } from './meter.js';

/**
 * From which fraction of the limit on a lane is shed. Renewals come last: whoever leads may keep leading for as
 * long as possible, and no quota of etcd's stops nested puts (tried: 20 MB quota, 102 MB database, no alarm).
 */
const SHED_FROM: Record<Lane, number> = {
  admin: 0.7,
  campaign: 0.8,
  observe: 0.85,
  resign: 0.92,
  renew: 0.97,
};

/** Releases with known data or watch bugs fixed; older ones work and are hostile. */
const OLDEST_SUPPORTED = { '3.5': 33, '3.6': 14 } as const;

const STATUS_MS = 2_000;

export interface WatermarkOptions {
  caller: Caller<Endpoint>;
  limitBytes: number;
  meter: StoreMeter;
  log: StoreLog;
}

/** Sheds load, the least important lane first, while etcd's database is close to its limit. */
export class Watermark {
  readonly #options: WatermarkOptions;
  #bytes = 0;
  #versionSeen = false;

  constructor(options: WatermarkOptions) {
    this.#options = options;
  }

  /** Whether work of this lane may be accepted now. */
  admits(lane: Lane): boolean {
    const admitted = this.#bytes < this.#options.limitBytes * SHED_FROM[lane];
    if (!admitted) this.#options.meter.shed?.(lane);
    return admitted;
  }

  /** Reads the size of the database. Pages that compaction has freed do not count: they are used again. */
  async measure(): Promise<void> {
    const { caller, meter, log } = this.#options;
    const reply = await caller.call('status', STATUS_MS, ({ etcd }, withinMs) =>
      etcd.maintenance.status(deadlineIn(withinMs)),
    );
    if (reply.kind !== 'ok') return;
    const { dbSize, dbSizeInUse, version } = reply.value;
    this.#bytes = Number(dbSizeInUse) || Number(dbSize);
    meter.databaseSize?.(this.#bytes);
    if (!this.#versionSeen && isOutdated(version)) {
      log('warn', 'this etcd release has known bugs; use a current 3.5 or 3.6 patch release', { version });
    }
    this.#versionSeen = true;
  }
}

/** Lanes that are shed while the database has this size. */
export function shedLanes(bytes: number, limitBytes: number): Lane[] {
  return LANES.filter((lane) => bytes >= limitBytes * SHED_FROM[lane]);
}

/** Whether fixes that matter here are missing from this release. */
export function isOutdated(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major !== 3) return major < 3;
  if (minor === 5) return patch < OLDEST_SUPPORTED['3.5'];
  if (minor === 6) return patch < OLDEST_SUPPORTED['3.6'];
  return minor < 5;
}
