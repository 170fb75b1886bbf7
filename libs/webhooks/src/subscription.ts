import { ELECTION_NAME } from '#election';
import { OPERATIONAL_TYPES } from './payload.js';

/** What an endpoint wants to hear. */
export interface Subscription {
  events: readonly string[];
  /** Names of elections, or prefixes that end in `*`; empty: all of them. */
  elections: readonly string[];
}

/** Whether `text` names an election or, with a `*` at its end, the beginning of names. */
export function isElectionPattern(text: string): boolean {
  return text === '*' || ELECTION_NAME.test(text.endsWith('*') ? text.slice(0, -1) : text);
}

export function coversElection({ elections }: Pick<Subscription, 'elections'>, name: string): boolean {
  return elections.length === 0 || elections.some((pattern) => fits(pattern, name));
}

/** Whether the endpoint is owed an event of this type; `election` is empty for what concerns the tenant. */
export function wants(endpoint: Subscription, type: string, election: string): boolean {
  return endpoint.events.includes(type) && (election === '' || coversElection(endpoint, election));
}

/**
 * Whether everything the endpoint can hear of lies within the prefix that an API key is bound to. What concerns the
 * tenant as a whole does not.
 */
export function isWithin({ events, elections }: Subscription, prefix: string | undefined): boolean {
  if (prefix === undefined) return true;
  if (events.some((type) => OPERATIONAL_TYPES.includes(type))) return false;
  return elections.length > 0 && elections.every((pattern) => pattern.replace(/\*$/, '').startsWith(prefix));
}

/** The same as `isWithin`, on rows of `webhook_endpoints AS endpoint`; `parameter` is the prefix. */
export function withinSql(parameter: string): string {
  const operational = OPERATIONAL_TYPES.map((type) => `'${type}'`).join(', ');
  return `(NOT endpoint.events && ARRAY[${operational}]
     AND cardinality(endpoint.elections) > 0
     AND NOT EXISTS (SELECT FROM unnest(endpoint.elections) AS pattern
                      WHERE NOT starts_with(rtrim(pattern, '*'), ${parameter})))`;
}

/**
 * Whether a row of `webhook_messages AS message` tells of an election within the prefix; `parameter` is the prefix.
 * What concerns the tenant as a whole does not, though its empty name begins with every empty prefix.
 */
export function ofElectionSql(parameter: string): string {
  return `(message.election <> '' AND starts_with(message.election, ${parameter}))`;
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
