import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import type { Account } from './owned-process.js';

/**
 * The account for a server that refuses to run as root (Postgres), or undefined where we are not root and run it
 * as ourselves: `postgres` where the packages made it, else `nobody`.
 */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const found = accounts.find(([candidate]) => candidate === name);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error('Postgres does not run as root, and /etc/passwd names neither postgres nor nobody');
}

/** True if the account can enter the folder: every folder above must let it through. */
export function canEnter(folder: string, account: Account): boolean {
  const { status } = spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  return status === 0;
}

/** Gives the folder to the account alone. */
export function giveFolder(folder: string, account: Account | undefined): void {
  if (account) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o700);
}
