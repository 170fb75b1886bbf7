import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Made once per data folder: losing the master key ends all sessions and keys. */
export interface Secrets {
  readonly adminToken: string;
  readonly masterKey: string;
  readonly databasePassword: string;
}

/** The secrets of this data folder, made on the first start; readable by their owner alone. */
export function secretsOf(dataFolder: string): Secrets {
  const file = join(dataFolder, 'secrets.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  const secrets: Secrets = {
    adminToken: `adm_${randomBytes(24).toString('base64url')}`,
    masterKey: randomBytes(32).toString('hex'),
    databasePassword: randomBytes(18).toString('hex'),
  };
  mkdirSync(dataFolder, { recursive: true });
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
