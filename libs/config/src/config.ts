import { z } from 'zod';

/**
 * Every setting with its default, unit, bounds and danger. `.env.example` is generated from these descriptions.
 * All problems are reported at once; a setting that begins with `INCUMBENT_` and is not known stops the start.
 */
const port = z.coerce.number().int().min(0).max(65_535);
/** For retention jobs, whose settings people think of in days; fractions are allowed. */
const days = (least: number, byDefault: number, description: string) =>
  z.coerce.number().min(least).max(36_500).default(byDefault).describe(description);
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

function isCidr(text: string): boolean {
  return z.union([z.cidrv4(), z.cidrv6()]).safeParse(text).success;
}

export const settingsSchema = z.object({
  NODE_ENV: z
    .enum(['production', 'development', 'test'])
    .default('production')
    .describe('How strict and how chatty the process is.'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  PORT: port.default(7400).describe('Port of the HTTP API; 0 picks a free one.'),
  METRICS_PORT: port.optional().describe('Port of /metrics; unset: served on PORT. Set it in production.'),
  WORKER_PORT: port.default(7450).describe("Port of the worker's health and metrics; 0 picks a free one."),
  PUBLIC_URL: z.url().optional().describe('How callers reach the service; the issuer of fencing tokens.'),
  TRUSTED_PROXIES: list.default([]).describe('Comma-separated CIDRs whose X-Forwarded-For is believed.'),
  DATABASE_URL: z.url().default('postgres://incumbent@127.0.0.1:7432/incumbent').describe('Postgres.'),
  MIGRATIONS_DATABASE_URL: z
    .url()
    .optional()
    .describe('Postgres, as the login that owns the tables; unset: DATABASE_URL. Only migrations use it.'),
  REDIS_URL: z.url().default('redis://127.0.0.1:7379').describe('Redis; needs maxmemory-policy noeviction.'),
  ETCD_ENDPOINTS: list.default(['http://127.0.0.1:7479']).describe('Comma-separated etcd client URLs.'),
  ETCD_PREFIX: z
    .string()
    .regex(/^[\w./-]*$/)
    .default('incumbent/')
    .describe('All keys lie below it; one per deployment.'),
  ETCD_DB_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .min(16_000_000)
    .default(1_500_000_000)
    .describe(
      'Database size at which load is shed, lowest lane first; keep below etcd --quota-backend-bytes.',
    ),
  ADMIN_TOKEN: z.string().min(24).describe('Bearer token of the admin API; makes the first admin tokens.'),
  ADMIN_TOKEN_BOOTSTRAP_ONLY: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: ADMIN_TOKEN is refused while an admin token with the role full is live.'),
  MASTER_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hex digits (openssl rand -hex 32)')
    .describe(
      '32 bytes in hex; encrypts private keys at rest and derives every MAC. Losing it ends all sessions and keys.',
    ),
  RATE_LIMITS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: calls are not limited in their rate; quotas are all the same. For measurements.'),
  KEY_ENVIRONMENT: z.enum(['live', 'test']).default('live').describe('The <env> in API keys: inc_<env>_...'),
  TOKEN_ALGORITHM: z.enum(['ES256', 'Ed25519']).default('ES256').describe('Signature of new fencing tokens.'),
  WEBHOOK_ALLOW_HTTP: z
    .stringbool()
    .default(false)
    .describe(
      'Webhook endpoints may be http:, readable and changeable on the way. For tests and closed networks.',
    ),
  WEBHOOK_ALLOWED_CIDRS: list
    .refine((cidrs) => cidrs.every(isCidr), 'must be CIDRs such as 10.1.0.0/16, separated by commas')
    .default([])
    .describe(
      'Comma-separated CIDRs of private networks that webhooks may reach; every tenant can then send requests there.',
    ),
  RETENTION_EVERY_MINUTES: z.coerce
    .number()
    .min(0.01)
    .max(1_440)
    .default(15)
    .describe('Minutes between two runs of the jobs that keep the database small and rotate keys.'),
  SIGNING_KEY_ROTATION_DAYS: days(
    0,
    90,
    'Days for which a key signs fencing tokens until the worker rotates; 0: only when told to.',
  ),
  TENANT_GRACE_DAYS: days(0, 7, 'Days for which a deleted tenant can be restored; then its rows are purged.'),
  HISTORY_RETENTION_DAYS: days(1, 365, 'Days for which ended terms are kept; the last of each seat stays.'),
  WEBHOOK_RETENTION_DAYS: days(1, 30, 'Days for which finished webhook deliveries and attempts are kept.'),
  AUDIT_RETENTION_DAYS: days(30, 365, 'Days for which audit events are kept.'),
  AUDIT_CHECKPOINT_MINUTES: z.coerce
    .number()
    .min(0.01)
    .max(1_440)
    .default(60)
    .describe('Minutes between two signed checkpoints of the audit log that are kept in the database.'),
  TOKEN_LEDGER_RETENTION_DAYS: days(0, 90, 'Days for which an expired fencing token stays in the ledger.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least severe level that is logged.'),
});

export type Config = Readonly<z.infer<typeof settingsSchema>>;

/** Thrown with every problem of the environment at once, one line each. */
export class InvalidConfiguration extends Error {}

/** @throws InvalidConfiguration naming every setting that is missing or wrong; never its value. */
export function parseConfig(env: Record<string, string | undefined>): Config {
  return parse(settingsSchema, env);
}

/** The configuration of this process. */
export function readConfig(): Config {
  return parseConfig(process.env);
}

/** Some settings of this process, for programs that need no others (a migration needs no MASTER_KEY). */
export function readSettings<Name extends keyof Config>(...names: Name[]): Pick<Config, Name> {
  const wanted = z.object(Object.fromEntries(names.map((name) => [name, settingsSchema.shape[name]])));
  return parse(wanted as unknown as z.ZodType<Pick<Config, Name>>, process.env);
}

function parse<Parsed extends object>(
  schema: z.ZodType<Parsed>,
  env: Record<string, string | undefined>,
): Readonly<Parsed> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const lines = parsed.error.issues.map(({ path, message }) => {
    const said = message.endsWith('received undefined') ? 'must be set' : message;
    return `  ${path.join('.')}: ${said}`;
  });
  throw new InvalidConfiguration(`The environment is not complete:\n${lines.join('\n')}`);
}
