import { readFileSync } from 'node:fs';

export interface Route {
  method: string;
  path: string;
}

/** Every call that takes an API key, from the very document that customers have. */
export function tenantRoutes(): Route[] {
  const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
    paths: Record<string, Record<string, { security: { apiKey?: unknown }[] }>>;
  };
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security.some((one) => 'apiKey' in one))
      .map(([method]) => ({ method: method.toUpperCase(), path })),
  );
}

/** In an order in which no call takes away what a later one is about. */
export function gentlestFirst(routes: readonly Route[]): Route[] {
  return [...routes].sort((a, b) => harm(a) - harm(b));
}

function harm({ method, path }: Route): number {
  if (method === 'GET' || method === 'HEAD') return 0;
  if (method === 'PUT') return 1;
  if (method === 'DELETE') return path.endsWith('}') && path.split('{').length === 2 ? 6 : 2;
  if (method === 'PATCH') return path.split('{').length === 2 ? 4 : 3;
  return path.endsWith('/resign') ? 5 : 3;
}
