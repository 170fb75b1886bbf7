import type { Demo } from './demo-tenant.js';
import type { StackOptions } from './options.js';

export interface Welcome {
  readonly options: StackOptions;
  readonly demo: Demo;
  readonly adminToken: string;
  readonly data: string;
  readonly logs: string;
  readonly tookMs: number;
}

/** What a newcomer needs next: where it is, the keys to it, and four calls to copy. */
export function welcome({ options, demo, adminToken, data, logs, tookMs }: Welcome): string {
  const urls = options.ports.api.map((port) => `http://127.0.0.1:${port}`);
  const billing = `${urls[0]}/v1/elections/billing`;
  const post = (path: string, body: string, more = '') =>
    `curl -sSw '\\n' ${billing}/${path} -H 'authorization: Bearer ${demo.key}' -H 'content-type: application/json'${more} -d ${body}`;
  const campaign = post('campaign', `'{"candidate":"worker-1"}'`, ` -H 'idempotency-key: worker-1'`);
  const pick = (name: string) => `sed -n 's/.*"${name}":"\\([^"]*\\)".*/\\1/p'`;
  return `
Incumbent is running (${(tookMs / 1_000).toFixed(1)} s). Ctrl-C stops it; the data stays in ${data}/.

  API          ${urls.join('  ')}
  Reference    ${urls[0]}/docs   ${urls[0]}/openapi.json
  Admin token  ${adminToken}
  Demo key     KEY=${demo.key}   (tenant ${demo.tenantId})
  Logs         ${logs}/

Stand for leader of the election "billing" (twice is harmless: the idempotency key finds the same candidacy):

  ${campaign}

Who leads?

  curl -sSw '\\n' ${billing}/leader -H 'authorization: Bearer ${demo.key}'

Renew within 60 s, then resign. Both name the session, which is a secret of the candidate:

  ANSWER=$(${campaign})
  SESSION=$(echo "$ANSWER" | ${pick('session')})
  CANDIDATE=$(echo "$ANSWER" | ${pick('candidateId')})

  ${post('renew', `"{\\"session\\":\\"$SESSION\\"}"`)}

  ${post('resign', `"{\\"session\\":\\"$SESSION\\",\\"candidateId\\":\\"$CANDIDATE\\"}"`)}
`;
}
