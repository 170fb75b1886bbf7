/** The names that users of the service meet: settings, error codes, calls and fields of the HTTP API. */
import { ERRORS } from '#core';
import { type Setting } from './environment.js';

type Node = Record<string, unknown>;

const isObject = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Collects property, parameter and operation names below `node`. */
function collect(node: unknown, place: string, names: Map<string, string>): void {
  if (Array.isArray(node)) {
    for (const item of node) collect(item, place, names);
    return;
  }
  if (!isObject(node)) return;
  if (isObject(node.properties)) for (const name of Object.keys(node.properties)) names.set(name, place);
  if (typeof node.operationId === 'string') names.set(node.operationId, place);
  if (typeof node.in === 'string' && typeof node.name === 'string') names.set(node.name, place);
  for (const [key, value] of Object.entries(node)) {
    // Examples are data, not names.
    if (key !== 'example' && key !== 'examples') collect(value, place, names);
  }
}

/** Name -> where it stands. `openapi` is the document's text, empty while there is none. */
export function publicNames(settings: Setting[], openapi: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name } of settings) names.set(name, 'libs/config/src/config.ts');
  for (const code of Object.keys(ERRORS)) names.set(code, 'libs/core/src/errors.ts');
  if (openapi !== '') {
    const document = JSON.parse(openapi) as Node;
    if (isObject(document.paths))
      for (const route of Object.keys(document.paths)) names.set(route, 'docs/openapi.json');
    collect(document, 'docs/openapi.json', names);
  }
  return names;
}
