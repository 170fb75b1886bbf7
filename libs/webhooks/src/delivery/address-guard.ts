import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** What the registries hand out as global unicast. All other IPv6 space is special, or not handed out yet. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether the service may connect to this address on behalf of a tenant: public unicast, or inside one of the
 * CIDRs that the operator allows.
 *
 * Refused: private, loopback, link-local, carrier-grade NAT, multicast, broadcast, documentation, benchmarking and
 * reserved ranges of IPv4; of IPv6 everything outside 2000::/3, and inside it what carries an IPv4 address or leads
 * through a relay (6to4, Teredo, ORCHID). An IPv4-mapped address is judged as the IPv4 address it means. NAT64
 * (64:ff9b::/96, 64:ff9b:1::/48) and IPv4-compatible addresses (::/96) are refused whatever they carry.
 *
 * Says nothing about names: a name is judged by every address it has, at the moment of the connection. An address
 * of the deployment itself that is public cannot be told from others here; a firewall on the way out can.
 */
export function isAllowedAddress(ip: string, allowedCidrs: readonly string[] = []): boolean {
  const address = parse(ip);
  if (!address) return false;
  if (allowedCidrs.some((cidr) => isInside(address, cidr))) return true;
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST);
}

/** The address that a URL's hostname spells out; undefined when it is a name that has to be resolved. */
export function literalAddressOf(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) === 0 ? undefined : bare;
}

/**
 * Only the plain spellings: a resolver and the URL parser answer nothing else, and odd ones (`127.1`, `0x7f.1`, a
 * zone) are how guards are slipped past.
 */
function parse(ip: string): Address | undefined {
  const version = isIP(ip);
  if (version === 0 || ip.includes('%')) return undefined;
  // The URL parser writes all of an IPv6 address in hexadecimal. Given `::8.8.8.8` the package would judge 8.8.8.8,
  // which is not where a connection to it goes.
  return ipaddr.process(version === 6 ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip);
}

function isInside(address: Address, cidr: string): boolean {
  if (!ipaddr.isValidCIDR(cidr)) return false;
  const [network, bits] = ipaddr.parseCIDR(cidr);
  return network.kind() === address.kind() && address.match(network, bits);
}
