import type { PrivateStack } from '#local-stack';
import type { Line } from './figures.js';
import type { Pace } from './rounds.js';
import type { Service } from './service.js';

/** What every row is given. */
export interface Bench {
  /** Only to show that it works. */
  quick: boolean;
  pace: Pace;
  stack: PrivateStack;
  etcdUrl: string;
  etcdPids: readonly number[];
  /** One API replica as a process of its own, started when first asked for. */
  service: () => Promise<Service>;
}

export type Row = (bench: Bench) => Promise<Line[]>;
