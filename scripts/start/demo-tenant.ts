import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './options.js';

/** What the first start makes, so that the printed calls work as they stand. */
export interface Demo {
  readonly tenantId: string;
  readonly key: string;
}

/** Long enough to type the next call by hand before the grant ends. */
const ELECTION = {
  name: 'billing',
  description: 'Made by the first start, to try things out.',
  ttlMs: 60_000,
};

/** Everything that a tenant can do but making further keys. */
const SCOPES = ['elections:read', 'elections:campaign', 'elections:manage', 'webhooks:manage', 'audit:read'];

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Finds the demo tenant with its key and its election, and makes whatever of it is not there. */
export async function demoOf(folder: string, baseUrl: string, adminToken: string): Promise<Demo> {
  const file = join(folder, 'demo.json');
  const known = read(file);
  if (known) {
    const found = await call(`${baseUrl}/v1/elections/${ELECTION.name}`, known.key);
    if (found.status === 200) return known;
    if (found.status === 404) {
      await makeElection(baseUrl, known.key);
      return known;
    }
    // 401: the data behind the key is gone (another database, a fresh one), so the demo is made anew.
  }
  const tenant = await call(`${baseUrl}/admin/v1/tenants`, adminToken, { name: 'demo' });
  const tenantId = textOf(tenant, 'id');
  const key = await call(`${baseUrl}/admin/v1/tenants/${tenantId}/api-keys`, adminToken, {
    name: 'demo',
    scopes: SCOPES,
  });
  const demo = { tenantId, key: textOf(key, 'key') };
  writeFileSync(file, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  await makeElection(baseUrl, demo.key);
  return demo;
}

async function makeElection(baseUrl: string, key: string): Promise<void> {
  const made = await call(`${baseUrl}/v1/elections`, key, ELECTION);
  if (made.status !== 201) throw unexpected(made);
}

async function call(url: string, token: string, body?: object): Promise<Answer> {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function textOf(answer: Answer, field: string): string {
  const value = answer.body[field];
  if (typeof value !== 'string') throw unexpected(answer);
  return value;
}

function unexpected({ status, body }: Answer): StartError {
  return new StartError(`The demo could not be made: the API answered ${status} ${JSON.stringify(body)}`);
}

function read(file: string): Demo | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Demo;
  } catch {
    return undefined;
  }
}
