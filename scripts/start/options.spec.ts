import { describe, expect, it } from '@jest/globals';
import { readOptions } from './options.js';

describe('the options of npm start', () => {
  it('asks for one replica and one etcd member on the known ports unless told otherwise', () => {
    expect(readOptions([], {})).toMatchObject({
      replicas: 1,
      etcdMembers: 1,
      dev: false,
      given: {},
      ports: { api: [7400], worker: 7450, postgres: 7432, redis: 7379, etcd: [{ client: 7479, peer: 7480 }] },
    });
  });

  it('gives each replica and each member a port of its own', () => {
    const { ports } = readOptions(['--replicas', '9', '--etcd', '3'], {});
    const all = [...ports.api, ports.worker, ports.postgres, ports.redis];
    const every = [...all, ...ports.etcd.flatMap(({ client, peer }) => [client, peer])];
    expect(new Set(every).size).toBe(9 + 3 + 6);
  });

  it('moves every port with the base, and the API alone with PORT', () => {
    const env = { INCUMBENT_PORT_BASE: '8400', PORT: '9000' };
    expect(readOptions(['--replicas', '2'], env).ports).toMatchObject({ api: [9000, 9001], redis: 8379 });
  });

  it('uses the servers that the environment names', () => {
    const env = { DATABASE_URL: 'postgres://db/incumbent', ETCD_ENDPOINTS: '', REDIS_URL: undefined };
    expect(readOptions([], env).given).toEqual({ databaseUrl: 'postgres://db/incumbent' });
  });

  it.each([
    [['--replicas', '0'], {}, '--replicas takes 1 to 9, not "0"'],
    [['--replicas', '10'], {}, '--replicas takes 1 to 9'],
    [['--etcd', '2'], {}, '--etcd takes 1 or 3, not "2"'],
    [['--replica', '2'], {}, "Unknown option '--replica'"],
    [['billing'], {}, 'Unexpected argument'],
    [[], { INCUMBENT_PORT_BASE: '80' }, 'INCUMBENT_PORT_BASE must be a port from 1024 to 65000, not "80"'],
    [[], { PORT: 'http' }, 'PORT must be a port'],
  ])('refuses %j with %j and says why', (args, env, why) => {
    expect(() => readOptions(args, env)).toThrow(why);
  });
});
