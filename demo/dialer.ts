/**
 * A dialer: calls the customers of a list, one after the other, that nobody has called yet. Five of them run; which
 * one may dial is for Incumbent to say. Without Incumbent each believes that it is the one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Candidacy, Incumbent } from '#sdk';
import { type Customer, readCustomers } from './customers.js';
import { type DialerCommand, type DialerOrders, report } from './messages.js';

/** A gateway that stays silent so long leaves it unknown whether it placed the call; the dialer then gives up. */
const GATEWAY_TIMEOUT_MS = 10_000;

let candidacy: Candidacy | undefined;
/** Asked to resign: the call under way is made, then no other. */
let leaving = false;

/**
 * Calls who is left, as long as `mayDial` says so. Returns whether the list is done.
 *
 * Between the question and the call a phone rings, and a process may be frozen there for any time. No second
 * question closes that gap, it only moves it: the fence that goes along with the call does.
 */
async function dial(
  orders: DialerOrders,
  customers: readonly Customer[],
  fence: number | null,
  mayDial: () => boolean,
) {
  const progress = await fetch(`${orders.gatewayUrl}/calls?fence=${fence}`, {
    signal: AbortSignal.timeout(GATEWAY_TIMEOUT_MS),
  });
  if (!progress.ok) return false;
  const { called } = (await progress.json()) as { called: string[] };
  const done = new Set(called);
  for (const customer of customers) {
    if (done.has(customer.id)) continue;
    if (!mayDial()) return false;
    report({ kind: 'ringing', customer: customer.id });
    await sleep(orders.ringMs);
    if (!(await place(orders, customer.id, fence))) return false;
  }
  return true;
}

async function place(orders: DialerOrders, customer: string, fence: number | null): Promise<boolean> {
  const response = await fetch(`${orders.gatewayUrl}/calls`, {
    method: 'POST',
    body: JSON.stringify({ customer, dialer: orders.name, fence }),
    signal: AbortSignal.timeout(GATEWAY_TIMEOUT_MS),
  });
  const { highest } = (await response.json()) as { highest?: number };
  if (response.ok) report({ kind: 'called', customer });
  else report({ kind: 'refused', customer, fence: fence ?? 0, highest: highest ?? 0 });
  return response.ok;
}

async function dialAlone(orders: DialerOrders, customers: readonly Customer[]): Promise<void> {
  await dial(orders, customers, null, () => true);
  report({ kind: 'finished' });
}

async function dialAsLeader(
  orders: DialerOrders,
  customers: readonly Customer[],
  standing: Candidacy,
): Promise<void> {
  while (standing.state !== 'out') {
    const { fence } = await standing.whenElected();
    const mine = (): boolean => !leaving && standing.leadership?.fence === fence;
    if (await dial(orders, customers, fence, mine)) return report({ kind: 'finished' });
    if (leaving) return void (await standing.resign());
    // Refused while it still believes: the end of the grant is near, do not ask in circles.
    if (mine()) await sleep(orders.ringMs);
  }
}

function stand(
  orders: DialerOrders,
  { election, ...options }: NonNullable<DialerOrders['incumbent']>,
): Candidacy {
  const standing = new Incumbent(options).election(election).campaign({ candidate: orders.name });
  standing.on('elected', ({ term, fence, fencingToken }) =>
    report({ kind: 'elected', term, fence, token: fencingToken }),
  );
  standing.on('lost', (loss) => report({ kind: 'lost', ...loss }));
  standing.on('waiting', () => report({ kind: 'waiting' }));
  standing.on('error', ({ message }) => report({ kind: 'failed', message }));
  return standing;
}

async function obey(command: DialerCommand): Promise<void> {
  if (command.kind === 'resign') leaving = true;
  if (command.kind === 'stop') {
    await candidacy?.close();
    process.exit();
  }
  if (command.kind !== 'dial') return;
  const customers = readCustomers(command.customersFile);
  if (command.incumbent === undefined) return dialAlone(command, customers);
  candidacy = stand(command, command.incumbent);
  await dialAsLeader(command, customers, candidacy);
}

process.on('message', (command: DialerCommand) => {
  obey(command).catch((error: unknown) => {
    // The end of a candidacy ends the waiting for it; that is no failure.
    if (candidacy?.state !== 'out') report({ kind: 'failed', message: String(error) });
  });
});
process.once('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
report({ kind: 'ready' });
