import { setTimeout as sleep } from 'node:timers/promises';
import { heading, paint, say, tell } from './stage.js';
import type { Dialer, Gateway } from './troupe.js';

/** Long enough to see the damage, short enough to bear it. */
const SHOW_MS = 3_000;

export interface Scene {
  readonly gateway: Gateway;
  readonly dialers: readonly Dialer[];
  readonly customersFile: string;
  readonly ringMs: number;
}

/** The same five processes without Incumbent: each takes itself for the one that dials. */
export async function playFirstAct({ gateway, dialers, customersFile, ringMs }: Scene): Promise<void> {
  heading('First act: five dialers, nobody in charge');
  for (const dialer of dialers) {
    dialer.tell({ kind: 'dial', name: dialer.name, customersFile, gatewayUrl: gateway.url, ringMs });
  }
  tell('five processes read the same list of customers and dial');
  await sleep(SHOW_MS);
  await Promise.all(dialers.map((dialer) => dialer.kill()));
  const { calls } = await gateway.report();
  const perCustomer = new Map<string, number>();
  for (const { customer } of calls) perCustomer.set(customer, (perCustomer.get(customer) ?? 0) + 1);
  const often = [...perCustomer.values()].filter((times) => times > 1).length;
  tell(`stopped after ${SHOW_MS / 1000} seconds`);
  say(
    `         ${perCustomer.size} customers were called ${paint('red', `${calls.length} times`)}; ${paint('red', `${often} of them more than once`)}, up to ${Math.max(0, ...perCustomer.values())} times.`,
  );
}
