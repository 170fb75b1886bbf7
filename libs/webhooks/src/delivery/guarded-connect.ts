import { Resolver, lookup as systemLookup } from 'node:dns/promises';
import { type LookupFunction, isIP } from 'node:net';
import { buildConnector } from 'undici';
import { isAllowedAddress, literalAddressOf } from './address-guard.js';

/** From the look-up of the name to the end of the TLS handshake. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Of one DNS question; asked twice it still fits into the time for connecting. */
const DNS_TIMEOUT_MS = 1_200;
const DNS_TRIES = 2;

/** Every address of a name. An empty answer and an error both mean that there is none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** The target is not on the public network, nor on one that the operator allows. Names no address: it may be ours. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

export class NameNotResolved extends Error {
  override readonly name = 'NameNotResolved';
}

export interface GuardedConnectOptions {
  allowedCidrs: readonly string[];
  resolve?: Resolve;
  /** Certificates trusted beside those that come with Node. */
  ca?: string;
}

/**
 * Makes connections to allowed addresses only. A name is resolved once for each connection, every address of it has
 * to be allowed, and the socket gets those very addresses: a name that answers differently a moment later (DNS
 * rebinding) is not asked again. A hostname that is an address never reaches the look-up, so it is judged before.
 */
export function guardedConnector(options: GuardedConnectOptions): buildConnector.connector {
  const { allowedCidrs } = options;
  const resolve = options.resolve ?? resolver(allowedCidrs.length > 0);
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false,
    maxCachedSessions: 0,
    lookup: guardedLookup(resolve, allowedCidrs),
    ...(options.ca !== undefined && { ca: options.ca }),
  });
  return (target, callback) => {
    const literal = literalAddressOf(target.hostname);
    if (literal !== undefined && !isAllowedAddress(literal, allowedCidrs)) {
      callback(new AddressRefused(), null);
      return;
    }
    connect(target, (...answer) => {
      const [error, socket] = answer;
      if (error !== null) callback(error, null);
      // Where the socket really leads, whatever happened on the way: no byte of a request has left yet.
      else if (isAllowedAddress(socket.remoteAddress ?? '', allowedCidrs)) callback(null, socket);
      else {
        socket.destroy();
        callback(new AddressRefused(), null);
      }
    });
  };
}

function guardedLookup(resolve: Resolve, allowedCidrs: readonly string[]): LookupFunction {
  return (hostname, options, callback) => {
    const settle = (addresses: readonly string[]): void => {
      const found = addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = found;
      if (!first) callback(new NameNotResolved(), '');
      else if (!addresses.every((address) => isAllowedAddress(address, allowedCidrs)))
        callback(new AddressRefused(), '');
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    };
    resolve(hostname).then(settle, () => callback(new NameNotResolved(), ''));
  };
}

/**
 * Asks DNS itself: the system's look-up has two threads for the whole process, which the name servers of one tenant
 * could keep busy. Where the operator allows networks of its own, names that only the system knows (a hosts file, a
 * search domain) are looked up there after all.
 */
function resolver(withSystemNames: boolean): Resolve {
  return async (hostname) => {
    const dns = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
    const answers = await Promise.allSettled([dns.resolve4(hostname), dns.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0 || !withSystemNames) return addresses;
    return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
  };
}
