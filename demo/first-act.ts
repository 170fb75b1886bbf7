import { setTimeout as sleep } from 'node:timers/promises';
import type { Customer } from './customers.js';
import type { PlacedCall } from './gateway.js';
import { heading, paint, say, tell } from './stage.js';
import type { Dialer, Gateway } from './troupe.js';

/** As many calls as there are customers take three seconds; a busy machine gets more, but not for ever. */
const LONGEST_MS = 8_000;
const LOOK_EVERY_MS = 100;

export interface Scene {
  readonly gateway: Gateway;
  readonly dialers: readonly Dialer[];
  readonly customers: readonly Customer[];
  readonly customersFile: string;
  readonly ringMs: number;
}

/** The same five processes without Incumbent: each takes itself for the one that dials. */
export async function playFirstAct(scene: Scene): Promise<void> {
  const { gateway, dialers, customers, customersFile, ringMs } = scene;
  heading('First act: five dialers, nobody in charge');
  for (const dialer of dialers) {
    dialer.tell({ kind: 'dial', name: dialer.name, customersFile, gatewayUrl: gateway.url, ringMs });
  }
  tell('five processes read the same list of customers and dial');
  const calls = await watch(gateway, customers.length);
  await Promise.all(dialers.map((dialer) => dialer.kill()));
  const perCustomer = new Map<string, number>();
  for (const { customer } of calls) perCustomer.set(customer, (perCustomer.get(customer) ?? 0) + 1);
  const often = [...perCustomer.values()].filter((times) => times > 1).length;
  const most = Math.max(0, ...perCustomer.values());
  tell(`stopped: ${paint('red', `${calls.length} calls`)} have reached ${perCustomer.size} customers`);
  say(`         ${paint('red', `${often} of them were called more than once`)}, up to ${most} times`);
}

async function watch(gateway: Gateway, enough: number): Promise<readonly PlacedCall[]> {
  const endMs = performance.now() + LONGEST_MS;
  for (;;) {
    const { calls } = await gateway.report();
    if (calls.length >= enough || performance.now() > endMs) return calls;
    await sleep(LOOK_EVERY_MS);
  }
}
