import { Resolver, lookup as systemLookup } from 'node:dns/promises';

/** Of one DNS question; asked twice it still fits into the time for connecting. */
const DNS_TIMEOUT_MS = 1_200;
const DNS_TRIES = 2;

/** Every address of a name. An empty answer and an error both mean that there is none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/**
 * Asks DNS itself: the system's look-up has two threads for the whole process, which also sign fencing tokens and
 * which the name servers of one tenant could keep busy. Where the operator allows networks of its own, names that
 * only the system knows (a hosts file, a search domain) are looked up there after all.
 */
export function nameResolver(withSystemNames: boolean): Resolve {
  return async (hostname) => {
    // The one name that means this machine wherever it is asked for; no name server should have to say so.
    if (!withSystemNames && /(^|\.)localhost\.?$/i.test(hostname)) return ['127.0.0.1', '::1'];
    const dns = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
    const answers = await Promise.allSettled([dns.resolve4(hostname), dns.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0 || !withSystemNames) return addresses;
    return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
  };
}
