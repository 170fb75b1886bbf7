import { type Clock, type FieldError, IncumbentError, withDeadline } from '#core';
import { isAllowedAddress, literalAddressOf } from './delivery/address-guard.js';
import type { Resolve } from './delivery/name-resolver.js';

/** A name that takes longer to resolve is refused like one that does not exist. */
const RESOLVE_WITHIN_MS = 2_500;
const LOWEST_FREE_PORT = 1_024;
/** Below it, only these: the rest are mail, files and logins, not webhooks. */
const LOW_PORTS = [443, 8_443];

export interface UrlRules {
  allowHttp: boolean;
  allowedCidrs: readonly string[];
}

/**
 * Judges the URL of an endpoint as it is registered, so that a mistake is told at once. It is no protection by
 * itself: a name may resolve to another address a second later, which the guard of each delivery refuses.
 */
export class UrlCheck {
  constructor(
    private readonly rules: UrlRules,
    private readonly resolve: Resolve,
    private readonly clock: Clock,
  ) {}

  /** @throws IncumbentError request.invalid_body naming `/url` */
  async check(text: string): Promise<void> {
    const url = this.checkForm(text);
    const literal = literalAddressOf(url.hostname);
    const addresses = literal === undefined ? await this.addressesOf(url.hostname) : [literal];
    if (addresses.every((ip) => isAllowedAddress(ip, this.rules.allowedCidrs))) return;
    throw badUrl(
      'private_address',
      literal === undefined
        ? 'Its host has an address that is not public; webhooks go to public addresses only.'
        : 'Its address is not public; webhooks go to public addresses only.',
    );
  }

  private checkForm(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const scheme = this.rules.allowHttp ? 'https: or http:' : 'https:';
    if (!url || !(url.protocol === 'https:' || (this.rules.allowHttp && url.protocol === 'http:')))
      throw badUrl('invalid_url', `Must be an absolute URL that begins with ${scheme}.`);
    // The parser drops an empty fragment and empty credentials; what people wrote is what they meant.
    if (url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/?#]*@/i.test(text))
      throw badUrl('has_credentials', 'Must not hold a user or password; use headers.');
    if (text.includes('#')) throw badUrl('has_fragment', 'Must not have a fragment; it would not be sent.');
    if (!isAllowedPort(url)) throw badUrl('invalid_port', 'Its port must be 443, 8443 or 1024 and above.');
    return url;
  }

  private async addressesOf(hostname: string): Promise<readonly string[]> {
    const resolving = this.resolve(hostname);
    const addresses = await withDeadline(resolving, RESOLVE_WITHIN_MS, 'resolving', this.clock).catch(
      (error: unknown) => {
        throw badUrl('unresolvable', 'Its host cannot be resolved; check its spelling and its DNS.', error);
      },
    );
    if (addresses.length === 0) throw badUrl('unresolvable', 'Its host has no address.');
    return addresses;
  }
}

/** The scheme's own port is written as none. */
function isAllowedPort({ port }: URL): boolean {
  return port === '' || LOW_PORTS.includes(Number(port)) || Number(port) >= LOWEST_FREE_PORT;
}

function badUrl(code: string, message: string, cause?: unknown): IncumbentError {
  const errors: FieldError[] = [{ pointer: '/url', code, message }];
  return new IncumbentError('request.invalid_body', `/url: ${message}`, { errors, executed: false, cause });
}
