import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isAllowedAddress, literalAddressOf } from './address-guard.js';

const ipv4 = fc.ipV4();

describe('isAllowedAddress', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '2a00::1',
  ])('allows the public address %s', (ip) => expect(isAllowedAddress(ip)).toBe(true));

  it.each([
    ['this host', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['link-local, where clouds keep their metadata', '169.254.169.254'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT', '100.127.255.255'],
    ['protocol assignments', '192.0.0.1'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['6to4 relays', '192.88.99.1'],
    ['benchmarking', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
    ['IPv4-mapped loopback in hexadecimal', '::ffff:7f00:1'],
    ['IPv4-mapped private', '::ffff:10.0.0.1'],
    ['IPv4-mapped link-local', '::ffff:169.254.169.254'],
    ['IPv4-translated', '::ffff:0:127.0.0.1'],
    ['IPv4-compatible loopback', '::127.0.0.1'],
    ['IPv4-compatible public', '::8.8.8.8'],
    ['NAT64 of loopback', '64:ff9b::7f00:1'],
    ['NAT64 of a public address', '64:ff9b::808:808'],
    ['local NAT64', '64:ff9b:1::a00:1'],
    ['discard', '100::1'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['6to4 of a private address', '2002:c0a8:101::1'],
    ['Teredo', '2001::1'],
    ['benchmarking', '2001:2::1'],
    ['ORCHID', '2001:20::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['unique local', 'fc00::1'],
    ['unique local', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['not handed out', '4000::1'],
    ['a zone on a public address', '2606:4700::1%lo'],
    ['a short spelling', '127.1'],
    ['a hexadecimal spelling', '0x7f.0.0.1'],
    ['an integer', '2130706433'],
    ['an octal spelling', '0177.0.0.1'],
    ['a name', 'localhost'],
    ['nothing', ''],
  ])('refuses %s: %s', (_, ip) => expect(isAllowedAddress(ip)).toBe(false));

  it('allows what lies inside an allowed CIDR, of the same family, and nothing beside it', () => {
    expect(isAllowedAddress('127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(isAllowedAddress('::ffff:127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(isAllowedAddress('10.1.2.3', ['10.1.0.0/16', 'fd00::/8'])).toBe(true);
    expect(isAllowedAddress('10.2.0.1', ['10.1.0.0/16', 'fd00::/8'])).toBe(false);
    expect(isAllowedAddress('fd12::1', ['10.1.0.0/16', 'fd00::/8'])).toBe(true);
    expect(isAllowedAddress('::1', ['127.0.0.0/8'])).toBe(false);
    expect(isAllowedAddress('::1', ['::1/128'])).toBe(true);
  });

  it('takes a CIDR that cannot be read for one that allows nothing', () => {
    expect(isAllowedAddress('10.0.0.1', ['', 'everything', '10.0.0.1'])).toBe(false);
  });

  it('judges an IPv4-mapped address as the IPv4 address it means', () => {
    fc.assert(fc.property(ipv4, (ip) => isAllowedAddress(`::ffff:${ip}`) === isAllowedAddress(ip)));
  });

  it('refuses every IPv4 address when it comes through NAT64 or as an IPv4-compatible one', () => {
    fc.assert(fc.property(ipv4, (ip) => !isAllowedAddress(`64:ff9b::${ip}`) && !isAllowedAddress(`::${ip}`)));
  });
});

describe('literalAddressOf', () => {
  it('finds an address in a hostname as the URL parser leaves it, and none in a name', () => {
    const hostnameOf = (url: string): string => new URL(url).hostname;
    expect(literalAddressOf(hostnameOf('https://127.1/'))).toBe('127.0.0.1');
    expect(literalAddressOf(hostnameOf('https://2130706433/'))).toBe('127.0.0.1');
    expect(literalAddressOf(hostnameOf('https://[::ffff:7f00:1]/'))).toBe('::ffff:7f00:1');
    expect(literalAddressOf(hostnameOf('https://example.com/'))).toBeUndefined();
    expect(literalAddressOf(hostnameOf('https://127.0.0.1.example.com/'))).toBeUndefined();
  });
});
