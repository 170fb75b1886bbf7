import { IncumbentError } from '#core';
import type { FastifyInstance } from 'fastify';

interface KnownPath {
  pattern: RegExp;
  methods: Set<string>;
}

/** Which methods each path has; asked only when the router found nothing, to tell 405 from 404. */
export class RouteTable {
  private readonly paths = new Map<string, KnownPath>();

  /** Learns every route that is registered from now on. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', (route) => {
      // Routes of libraries that answer whatever nobody else does; they have no policy.
      if (route.url.includes('*') && route.config?.policy === undefined) return;
      const known = this.paths.get(route.url) ?? {
        pattern: patternOf(route.url),
        methods: new Set<string>(),
      };
      for (const method of [route.method].flat()) known.methods.add(method);
      this.paths.set(route.url, known);
    });
  }

  /** `METHOD /path/{param}` of every route, sorted. */
  list(): string[] {
    const lines = [...this.paths].flatMap(([url, { methods }]) =>
      [...methods].map((method) => `${method} ${url}`),
    );
    return lines.sort();
  }

  methodsAt(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const methods = [...this.paths.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(methods.flatMap((known) => [...known.methods]))].sort();
  }

  wrongMethod(method: string, allowed: readonly string[]): IncumbentError {
    return new IncumbentError(
      'request.method_not_allowed',
      `${method} is not supported here; use ${allowed.join(' or ')}.`,
    );
  }
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll('.', '\\.').replace('*', '.*')))
    .join('/');
  return new RegExp(`^${source}$`);
}
