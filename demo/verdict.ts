import type { Customer } from './customers.js';
import type { GatewayReport } from './gateway.js';
import type { TermSeen } from './second-act.js';
import { heading, paint, say, table } from './stage.js';

/** Shows what the gateway has on record and says whether the promise held: every customer called exactly once. */
export function judge(
  customers: readonly Customer[],
  { calls, refused }: GatewayReport,
  terms: readonly TermSeen[],
): boolean {
  heading('What the gateway has on record');
  showTerms(terms, calls);
  const times = customers.map(({ id }) => calls.filter(({ customer }) => customer === id).length);
  const once = times.filter((count) => count === 1).length;
  const more = times.filter((count) => count > 1).length;
  const never = times.filter((count) => count === 0).length;
  say();
  verdict(once === customers.length, `customers called exactly once: ${once} of ${customers.length}`);
  verdict(more === 0, `customers called twice or more: ${more}`);
  verdict(never === 0, `customers never called: ${never}`);
  const late = refused.map(({ dialer, fence, customer }) => `${dialer} for ${customer} with fence ${fence}`);
  const frozen = terms.find(({ end }) => end.startsWith('frozen'));
  const shut = refused.some(({ fence }) => fence === frozen?.fence);
  verdict(
    shut,
    `calls refused by the fence: ${refused.length}${late.length > 0 ? ` (${late.join('; ')})` : ''}`,
  );
  return once === customers.length && shut;
}

/** How long it took until somebody else led, beside the shortest that it could take. */
export function showFailovers(terms: readonly TermSeen[], ttlMs: number): void {
  const after = (end: string): string => {
    const { vacancyMs } = terms.find((term) => term.end.startsWith(end)) ?? {};
    return vacancyMs === undefined ? 'unknown' : `${Math.round(vacancyMs)} ms`;
  };
  say();
  say(
    `Sessions of ${ttlMs} ms: the next leader knew ${after('killed')} after the kill, ${after('frozen')} after the ` +
      `freeze, ${after('asked')} after the resignation.`,
  );
}

function showTerms(terms: readonly TermSeen[], calls: GatewayReport['calls']): void {
  const rows = terms.map(({ term, fence, dialer, end, vacancyMs }) => [
    String(term),
    dialer,
    String(fence),
    String(calls.filter((call) => call.fence === fence).length),
    end,
    vacancyMs === undefined ? '' : `${Math.round(vacancyMs)} ms`,
  ]);
  table(['term', 'leader', 'fence', 'calls', 'how it ended', 'then nobody led for'], rows);
}

function verdict(good: boolean, text: string): void {
  say(`${good ? paint('green', '✔') : paint('red', '✘')} ${text}`);
}
