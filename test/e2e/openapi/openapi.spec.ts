import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Service } from '../service.js';

interface Operation {
  operationId: string;
  security: object[];
  requestBody?: { content: Record<string, { examples: Record<string, { value: unknown }> }> };
}

let service: Service;
let document: { openapi: string; paths: Record<string, Record<string, Operation>> };

beforeAll(async () => {
  service = await Service.start();
  document = (await service.stranger.get('/openapi.json')).body as typeof document;
}, 60_000);

afterAll(() => service?.stop());

describe('the OpenAPI document', () => {
  it('is served as it is committed', () => {
    expect(document).toEqual(JSON.parse(readFileSync('docs/openapi.json', 'utf8')));
    expect(document.openapi).toBe('3.1.0');
  });

  it('is shown to people at /docs', async () => {
    const page = await service.stranger.get('/docs');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
    const script = await service.stranger.get('/docs/swagger-ui-init.js');
    expect([script.status, script.text.includes('campaign')]).toEqual([200, true]);
    expect((await service.stranger.get('/docs/swagger-ui.css')).status).toBe(200);
  });

  it('describes only calls that exist, each with the credentials that it really demands', async () => {
    const operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
      Object.entries(byMethod).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { path, method, operation } of operations) {
      const real = path
        .replace('{name}', 'x')
        .replace('{id}', 'key_00000000000000000000')
        .replace('{keyId}', 'key_0000000000');
      const { status } = await service.stranger.send(method.toUpperCase(), real);
      expect({ path, method, status }).toEqual({
        path,
        method,
        status: operation.security.length === 0 ? 200 : 401,
      });
    }
  });

  it('shows request bodies that the service takes', async () => {
    const { caller } = await service.tenant();
    await caller.election({ name: 'billing' });
    const create = document.paths['/v1/elections/{name}/campaign']?.['post']?.requestBody;
    for (const { value } of Object.values(create?.content['application/json']?.examples ?? {})) {
      const answer = await caller.post('/v1/elections/billing/campaign', value);
      expect([200, 202]).toContain(answer.status);
    }
    const patch = document.paths['/v1/elections/{name}']?.['patch']?.requestBody;
    const examples = Object.values(patch?.content['application/json']?.examples ?? {});
    expect(examples.length).toBeGreaterThan(0);
    for (const { value } of examples)
      expect((await caller.patch('/v1/elections/billing', value)).status).toBe(200);
  });
});
