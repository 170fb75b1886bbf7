/** No Docker here: what can be read of the deployment is compared with the code it starts. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '#config';
import { parse } from 'yaml';
import { settings } from './environment.js';

interface Service {
  command?: string[];
  environment?: Record<string, string>;
  image: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  depends_on?: Record<string, { condition: string }>;
}

interface Compose {
  services: Record<string, Service>;
  networks: { edge: { ipam: { config: { subnet: string }[] } } };
}

const GIVEN: Record<string, string> = {
  ADMIN_TOKEN: 'a'.repeat(24),
  MASTER_KEY: 'f'.repeat(64),
  POSTGRES_PASSWORD: 'secret',
};

/** Puts in variables as Compose does: `${NAME:-default}` and `${NAME:?message}`. */
function interpolate(text: string): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest?: string) => {
    const value = GIVEN[name] ?? (kind === '-' ? rest : undefined);
    if (value === undefined) throw new Error(`docker-compose.yml needs ${name}`);
    return value;
  });
}

const compose = parse(interpolate(readFileSync('docker-compose.yml', 'utf8')), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.image === 'incumbent');
/** The processes that serve; the migrations need the database and nothing else. */
const serving = ours.filter(([name]) => name !== 'migrate');
const etcd = services.filter(([, service]) => service.image.includes('/etcd:'));

function flags(service: Service): Map<string, string> {
  const pairs = (service.command ?? [])
    .filter((part) => part.startsWith('--'))
    .map((part) => part.split('='));
  return new Map(pairs.map(([name = '', ...value]) => [name, value.join('=')]));
}

describe('docker-compose.yml', () => {
  it.each(ours)('%s is given only settings that exist', (_, service) => {
    const known = settings().map((setting) => setting.name);
    expect(known).toEqual(expect.arrayContaining(Object.keys(service.environment ?? {})));
  });

  it.each(serving)('%s starts with the settings it is given', (_, service) => {
    expect(() => parseConfig(service.environment ?? {})).not.toThrow();
  });

  it.each(ours)('%s runs a file that the build makes', (_, service) => {
    const image = /^CMD (\[.*\])$/m.exec(readFileSync('docker/Dockerfile', 'utf8'))?.[1];
    const [program, file = ''] = service.command ?? (JSON.parse(image ?? '[]') as string[]);
    expect(program).toBe('node');
    const source = file.replace(/^dist\//, '').replace(/\.js$/, '.ts');
    expect([source, existsSync(source)]).toEqual([source, true]);
  });

  it.each(services)('%s can neither write to its image nor gain rights', (_, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
  });

  it('no process of ours starts before the migrations are done, except the migrations', () => {
    for (const [name, service] of serving) {
      const waits = service.depends_on?.migrate?.condition;
      expect([name, waits]).toEqual([name, 'service_completed_successfully']);
    }
  });

  it('three etcd members form the cluster that the settings name', () => {
    expect(etcd).toHaveLength(3);
    const urls = etcd.map(([, service]) => flags(service).get('--advertise-client-urls'));
    for (const [, service] of serving) expect(service.environment?.ETCD_ENDPOINTS?.split(',')).toEqual(urls);
    const members = etcd.map(
      ([name, service]) => `${name}=${flags(service).get('--initial-advertise-peer-urls')}`,
    );
    for (const [, service] of etcd) expect(flags(service).get('--initial-cluster')).toBe(members.join(','));
  });

  it('etcd runs with the tuning of the local stack', () => {
    const source = readFileSync('libs/testing/src/local-stack/etcd.ts', 'utf8');
    const tuned = [
      '--snapshot-count',
      '--heartbeat-interval',
      '--election-timeout',
      '--auto-compaction-retention',
    ];
    for (const name of tuned) {
      const local = new RegExp(`'${name}=(\\d+)'`).exec(source)?.[1];
      expect([name, local]).toEqual([name, expect.any(String)]);
      for (const [, service] of etcd) expect([name, flags(service).get(name)]).toEqual([name, local]);
    }
  });

  it('load is shed well before etcd reaches its quota', () => {
    for (const [, service] of serving) {
      const limit = parseConfig(service.environment ?? {}).ETCD_DB_LIMIT_BYTES;
      for (const [, member] of etcd) {
        expect(Number(flags(member).get('--quota-backend-bytes'))).toBeGreaterThanOrEqual(2 * limit);
      }
    }
  });

  it('Redis evicts nothing and keeps what it was told', () => {
    const command = (compose.services.redis?.command ?? []).join(' ');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--maxmemory-policy noeviction');
  });

  it('the proxy knows every API replica and is the only one whose X-Forwarded-For is believed', () => {
    const proxy = readFileSync('docker/nginx.conf', 'utf8');
    const upstreams = [...proxy.matchAll(/^\s*server ([\w-]+):(\d+) /gm)].map(
      ([, host, port]) => `${host}:${port}`,
    );
    const replicas = ours.filter(([name]) => name.startsWith('api-'));
    expect(upstreams).toEqual(replicas.map(([name, service]) => `${name}:${service.environment?.PORT}`));
    const edge = compose.networks.edge.ipam.config.map(({ subnet }) => subnet);
    for (const [, service] of replicas)
      expect(service.environment?.TRUSTED_PROXIES?.split(',')).toEqual(edge);
  });
});
