import { type LookupFunction, isIP } from 'node:net';
import { buildConnector } from 'undici';
import { isAllowedAddress, literalAddressOf } from './address-guard.js';
import { nameResolver, type Resolve } from './name-resolver.js';

/** From the look-up of the name to the end of the TLS handshake. */
const CONNECT_TIMEOUT_MS = 3_000;

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
  const resolve = options.resolve ?? nameResolver(allowedCidrs.length > 0);
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
