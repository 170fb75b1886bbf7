import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** As `npm start` has it: the API at the base, Postgres 32 above. */
const DEFAULT_PORT_BASE = 7400;
const POSTGRES_ABOVE_BASE = 32;

/**
 * What a command needs to speak to the stack that `npm start` runs from this folder: where it is, and the secrets
 * that it made. What the environment sets goes first, so a command for another deployment is not led astray.
 */
export function localStackSettings(env) {
  const file = path.join(env.INCUMBENT_DATA_FOLDER || '.data', 'secrets.json');
  if (!existsSync(file)) return {};
  const { adminToken, databasePassword } = JSON.parse(readFileSync(file, 'utf8'));
  const base = Number(env.INCUMBENT_PORT_BASE || DEFAULT_PORT_BASE);
  const own = {
    PORT: `${base}`,
    ADMIN_TOKEN: adminToken,
    DATABASE_URL: `postgres://incumbent:${databasePassword}@127.0.0.1:${base + POSTGRES_ABOVE_BASE}/incumbent`,
  };
  return Object.fromEntries(Object.entries(own).filter(([name]) => !env[name]));
}
