/** Compiled, never run: a client as a user would write it on types made from docs/openapi.json. */
import type { components, paths } from 'openapi';

type Standing = components['schemas']['Standing'];
type Problem = components['schemas']['Problem'];
type Campaign = paths['/v1/elections/{name}/campaign']['post'];
type CampaignBody = NonNullable<Campaign['requestBody']>['content']['application/json'];
type Validation = paths['/v1/fencing-tokens/validate']['post'];
type Verdict = Validation['responses'][200]['content']['application/json'];

/** Every status the service may answer to a campaign has a type; the others do not exist. */
type CampaignStatus = keyof Campaign['responses'] & number;
const expected: CampaignStatus[] = [200, 202, 400, 401, 403, 404, 409, 410, 503];

async function post<Answer>(url: string, key: string, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    const problem = (await response.json()) as Problem;
    throw new Error(`${problem.code}: ${problem.detail} (${problem.requestId})`);
  }
  return (await response.json()) as Answer;
}

/** Campaigns once and returns the fence to hand to the guarded resource, if leading. */
export async function stand(base: string, key: string): Promise<number | undefined> {
  const body: CampaignBody = { candidate: 'worker-1', ttlMs: 5_000 };
  const standing = await post<Standing>(`${base}/v1/elections/billing/campaign`, key, body);
  if (standing.state !== 'leader') return undefined;
  const { fencingToken, fence } = standing;
  if (fencingToken === undefined) return fence;
  const verdict = await post<Verdict>(`${base}/v1/fencing-tokens/validate`, key, { token: fencingToken });
  return verdict.valid ? fence : undefined;
}

export { expected };
