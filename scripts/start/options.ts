import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** Something the person at the terminal can act on; its message says how. */
export class StartError extends Error {
  constructor(
    message: string,
    readonly exitCode: 0 | 1 = 1,
  ) {
    super(message);
    this.name = 'StartError';
  }
}

export interface StackOptions {
  /** API processes, on neighbouring ports. */
  readonly replicas: number;
  /** Members of the etcd cluster. */
  readonly etcdMembers: 1 | 3;
  /** Where the data lies; made when it is not there. */
  readonly dataFolder: string;
  /** Compile on change and restart the API and the worker. */
  readonly dev: boolean;
  readonly ports: StackPorts;
  /** Servers that somebody else runs; what is absent is started here. */
  readonly given: {
    readonly databaseUrl?: string;
    readonly redisUrl?: string;
    readonly etcdEndpoints?: string;
  };
}

export interface StackPorts {
  readonly api: readonly number[];
  readonly worker: number;
  readonly postgres: number;
  readonly redis: number;
  readonly etcd: readonly { client: number; peer: number }[];
}

const USAGE = `npm start -- [options]     or: npm run dev -- [options]

  --replicas <1..9>   API processes, on neighbouring ports (default 1)
  --etcd <1|3>        members of the etcd cluster (default 1)
  --help              this page

Environment
  INCUMBENT_PORT_BASE moves every port at once (default 7400: API 7400, 7401 ..., worker 7450,
                      Postgres 7432, Redis 7379, etcd 7479 ... 7484)
  PORT                moves the API alone
  INCUMBENT_DATA_FOLDER
                      where the data lies (default .data)
  DATABASE_URL, REDIS_URL, ETCD_ENDPOINTS
                      servers of yours, used in place of the local ones
  All other settings of the service are passed on; .env.example lists them.`;

const DEFAULT_BASE = 7400;
/** Postgres, Redis and etcd keep the last digits of the ports they are known by: 5432, 6379, 2379. */
const OFFSETS = { worker: 50, postgres: 32, redis: -21, etcd: 79 };

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws StartError for what it does not understand; `--help` comes as one, too, with the page as its message */
export function readOptions(args: readonly string[], env: Environment): StackOptions {
  const { replicas, etcd, dev, help } = parse(args);
  if (help) throw new StartError(USAGE, 0);
  if (!/^[1-9]$/.test(replicas)) throw new StartError(`--replicas takes 1 to 9, not "${replicas}".`);
  if (etcd !== '1' && etcd !== '3') throw new StartError(`--etcd takes 1 or 3, not "${etcd}".`);
  const etcdMembers = etcd === '3' ? 3 : 1;
  return {
    replicas: Number(replicas),
    etcdMembers,
    dataFolder: resolve(env['INCUMBENT_DATA_FOLDER'] || '.data'),
    dev,
    ports: choosePorts(env, Number(replicas), etcdMembers),
    given: {
      ...(env['DATABASE_URL'] ? { databaseUrl: env['DATABASE_URL'] } : {}),
      ...(env['REDIS_URL'] ? { redisUrl: env['REDIS_URL'] } : {}),
      ...(env['ETCD_ENDPOINTS'] ? { etcdEndpoints: env['ETCD_ENDPOINTS'] } : {}),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        replicas: { type: 'string', default: '1' },
        etcd: { type: 'string', default: '1' },
        dev: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

function choosePorts(env: Environment, replicas: number, etcdMembers: number): StackPorts {
  const base = portOf('INCUMBENT_PORT_BASE', env) ?? DEFAULT_BASE;
  const firstApi = portOf('PORT', env) ?? base;
  return {
    api: Array.from({ length: replicas }, (_, index) => firstApi + index),
    worker: portOf('WORKER_PORT', env) ?? base + OFFSETS.worker,
    postgres: base + OFFSETS.postgres,
    redis: base + OFFSETS.redis,
    etcd: Array.from({ length: etcdMembers }, (_, index) => ({
      client: base + OFFSETS.etcd + 2 * index,
      peer: base + OFFSETS.etcd + 2 * index + 1,
    })),
  };
}

function portOf(name: string, env: Environment): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1_024 || port > 65_000) {
    throw new StartError(`${name} must be a port from 1024 to 65000, not "${text}".`);
  }
  return port;
}
