import type { Clock } from '#core';
import { isIPv6 } from 'node:net';

/** Beyond this an address is told to wait. A process with an old key that asks every second stays below. */
export const MOST_FAILURES = 300;
const WINDOW_MS = 60_000;
/** About 100 bytes each. Beyond it the address that failed first is forgotten first. */
const MOST_ADDRESSES = 10_000;

interface Failures {
  count: number;
  endMs: number;
}

/**
 * Calls with credentials that are no good, by address, on this replica. It is asked about failures only: a good key
 * from an address where another one fails is let in as ever, so that nobody can lock a neighbour out.
 */
export class FailedAttempts {
  private readonly byAddress = new Map<string, Failures>();

  constructor(private readonly clock: Clock) {}

  /** Counts a failure. @returns 0, or after how many milliseconds the address may fail again */
  count(ip: string): number {
    const nowMs = this.clock.monotonicMs();
    const address = networkOf(ip);
    let failures = this.byAddress.get(address);
    if (!failures || failures.endMs <= nowMs) {
      this.byAddress.delete(address);
      if (this.byAddress.size >= MOST_ADDRESSES) this.forgetOldest();
      this.byAddress.set(address, (failures = { count: 0, endMs: nowMs + WINDOW_MS }));
    }
    failures.count += 1;
    return failures.count > MOST_FAILURES ? failures.endMs - nowMs : 0;
  }

  private forgetOldest(): void {
    const [oldest] = this.byAddress.keys();
    if (oldest !== undefined) this.byAddress.delete(oldest);
  }
}

/** Whoever has one IPv6 address has 2^64 of them: the network counts. IPv4 in the clothes of IPv6 is IPv4. */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(ip)) return ip;
  const [head = '', tail] = (ip.split('%', 1)[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    while (groups.length + behind.length < 8) groups.push('0');
    groups.push(...behind);
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
