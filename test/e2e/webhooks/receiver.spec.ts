import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { OwnedProcess, temporaryFolder } from '#testing';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
let receiver: OwnedProcess;
let url: string;

/** The receiver for Node of docs/webhooks.md, as a reader would paste it. */
function codeOfReceiver(): string {
  const [, code] = /### Node\n[^]*?```js\n([^]*?)```/.exec(readFileSync('docs/webhooks.md', 'utf8')) ?? [];
  if (code === undefined) throw new Error('docs/webhooks.md shows no receiver for Node');
  return code;
}

const said = (): string => readFileSync(receiver.logFile, 'utf8');

beforeAll(async () => {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/receiver.mjs`, codeOfReceiver());
  receiver = await OwnedProcess.launch({
    name: 'receiver',
    command: process.execPath,
    args: [`${folder}/receiver.mjs`],
    env: { WEBHOOK_SECRET: secret, PORT: '0' },
    logFile: `${folder}/receiver.log`,
  });
  await receiver.untilReady(async () => said().includes('listening on'), 10_000);
  url = `http://127.0.0.1:${/listening on (\d+)/.exec(said())?.[1]}/leaders`;
});
afterAll(() => receiver?.stop(5_000));

interface Sending {
  fence: number;
  candidate?: string;
  /** Seconds since it was signed. */
  ageS?: number;
  secrets?: string[];
  /** Appended after signing. */
  tampered?: string;
  without?: string;
}

/** Sends what Incumbent would, signed by the public package. */
async function send({
  fence,
  candidate = 'a',
  ageS = 0,
  secrets = [secret],
  ...more
}: Sending): Promise<number> {
  const data = { election: 'billing', fence, leader: { candidate } };
  const body = JSON.stringify({ type: 'leadership.acquired', timestamp: new Date().toISOString(), data });
  const at = new Date(Date.now() - ageS * 1_000);
  const headers: Record<string, string> = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((one) => new Webhook(one).sign('evt_1', at, body)).join(' '),
  };
  if (more.without !== undefined) delete headers[more.without];
  const { status } = await fetch(url, { method: 'POST', headers, body: body + (more.tampered ?? '') });
  return status;
}

describe('the receiver of the documentation', () => {
  it('takes a genuine delivery, once of the old secret and the new one too', async () => {
    expect(await send({ fence: 10, candidate: 'ten' })).toBe(204);
    const other = `whsec_${randomBytes(32).toString('base64')}`;
    expect(await send({ fence: 11, candidate: 'eleven', secrets: [other, secret] })).toBe(204);
    expect(said()).toMatch(/ten leads billing with fence 10\neleven leads billing with fence 11\n/);
  });

  it('ignores whatever has no fence above the highest seen: late messages and repeated ones', async () => {
    expect(await send({ fence: 20, candidate: 'newest' })).toBe(204);
    for (const fence of [20, 19, 1]) expect(await send({ fence, candidate: 'late' })).toBe(204);
    expect(said()).toContain('newest leads billing with fence 20');
    expect(said()).not.toContain('late');
  });

  it.each<[string, Sending]>([
    ['another secret', { fence: 99, secrets: [`whsec_${randomBytes(32).toString('base64')}`] }],
    ['a changed body', { fence: 99, tampered: ' ' }],
    ['an old signature', { fence: 99, ageS: 400 }],
    ['a signature of the future', { fence: 99, ageS: -400 }],
    ['no signature', { fence: 99, without: 'webhook-signature' }],
    ['no time', { fence: 99, without: 'webhook-timestamp' }],
    ['no id', { fence: 99, without: 'webhook-id' }],
  ])('refuses a delivery with %s', async (_, sending) => {
    expect(await send(sending)).toBe(401);
    expect(said()).not.toContain('fence 99');
  });
});
