import { describe, expect, it } from '@jest/globals';
import { IncumbentError, systemClock } from '#core';
import { FakeClock } from '#testing';
import { nameResolver, type Resolve } from './delivery/name-resolver.js';
import { UrlCheck, type UrlRules } from './endpoint-url.js';

const PUBLIC: Resolve = async () => ['93.184.216.34'];

async function codeOf(
  url: string,
  rules: Partial<UrlRules> = {},
  resolve: Resolve = PUBLIC,
): Promise<string> {
  const check = new UrlCheck({ allowHttp: false, allowedCidrs: [], ...rules }, resolve, systemClock);
  return refusalOf(check.check(url));
}

async function refusalOf(work: Promise<void>): Promise<string> {
  try {
    await work;
    return 'fine';
  } catch (error) {
    if (!(error instanceof IncumbentError)) throw error;
    const [field] = error.extras.errors ?? [];
    return `${error.code} ${field?.pointer} ${field?.code}`;
  }
}

const refused = (code: string): string => `request.invalid_body /url ${code}`;

describe('the URL of an endpoint', () => {
  it.each([
    'https://hooks.example.com/in?x=1',
    'https://hooks.example.com:8443/',
    'https://hooks.example.com:1024/',
    'https://93.184.216.34/',
    'https://[2606:4700:4700::1111]/',
  ])('may be %s', async (url) => expect(await codeOf(url)).toBe('fine'));

  it.each([
    ['/hooks', 'invalid_url'],
    ['hooks.example.com', 'invalid_url'],
    ['//hooks.example.com/', 'invalid_url'],
    ['ftp://hooks.example.com/', 'invalid_url'],
    ['file:///etc/passwd', 'invalid_url'],
    ['javascript:alert(1)', 'invalid_url'],
    ['http://hooks.example.com/', 'invalid_url'],
    ['https://', 'invalid_url'],
    ['https://me:secret@hooks.example.com/', 'has_credentials'],
    ['https://@hooks.example.com/', 'has_credentials'],
    ['https://hooks.example.com/#here', 'has_fragment'],
    ['https://hooks.example.com/#', 'has_fragment'],
    ['https://hooks.example.com:22/', 'invalid_port'],
    ['https://hooks.example.com:80/', 'invalid_port'],
    ['https://hooks.example.com:1023/', 'invalid_port'],
    ['https://127.0.0.1/', 'private_address'],
    ['https://2130706433/', 'private_address'],
    ['https://0x7f.1/', 'private_address'],
    ['https://10.0.0.1:8443/', 'private_address'],
    ['https://169.254.169.254/latest/meta-data', 'private_address'],
    ['https://[::1]/', 'private_address'],
    ['https://[::ffff:10.0.0.1]/', 'private_address'],
    ['https://[64:ff9b::a00:1]/', 'private_address'],
  ])('may not be %s: %s', async (url, code) => expect(await codeOf(url)).toBe(refused(code)));

  it('may not have a host with one address that is not public, among whatever others', async () => {
    const mixed: Resolve = async () => ['93.184.216.34', '192.168.0.7'];
    expect(await codeOf('https://rebind.example.com/', {}, mixed)).toBe(refused('private_address'));
    expect(await codeOf('https://rebind.example.com/', { allowedCidrs: ['192.168.0.0/24'] }, mixed)).toBe(
      'fine',
    );
  });

  it('may not have a host that has no address', async () => {
    const failing: Resolve = () => Promise.reject(new Error('ENOTFOUND'));
    expect(await codeOf('https://nowhere.example.com/', {}, failing)).toBe(refused('unresolvable'));
    expect(await codeOf('https://nowhere.example.com/', {}, async () => [])).toBe(refused('unresolvable'));
  });

  it('is refused within two and a half seconds when the name servers do not answer', async () => {
    const clock = new FakeClock();
    const silence: Resolve = () => Promise.withResolvers<string[]>().promise;
    const checking = new UrlCheck({ allowHttp: false, allowedCidrs: [] }, silence, clock).check(
      'https://slow.example.com/',
    );
    const refusal = refusalOf(checking);
    await clock.advance(2_500);
    expect(await refusal).toBe(refused('unresolvable'));
  });

  it('may be http where the operator allows it, the other rules staying as they are', async () => {
    expect(await codeOf('http://hooks.example.com/', { allowHttp: true })).toBe('fine');
    expect(await codeOf('http://hooks.example.com:25/', { allowHttp: true })).toBe(refused('invalid_port'));
    expect(await codeOf('http://127.0.0.1:8080/', { allowHttp: true })).toBe(refused('private_address'));
    const tests = { allowHttp: true, allowedCidrs: ['127.0.0.0/8'] };
    expect(await codeOf('http://127.0.0.1:8080/', tests)).toBe('fine');
  });

  it('that names this very machine is known without asking anybody', async () => {
    for (const host of ['localhost', 'LOCALHOST', 'a.localhost', 'localhost.'])
      expect(await codeOf(`https://${host}/`, {}, nameResolver(false))).toBe(refused('private_address'));
  });
});
