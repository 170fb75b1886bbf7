/** `.env.example`: every setting of libs/config with its meaning, default and bounds. */
import { settingsSchema } from '#config';
import { toJSONSchema, ZodDefault } from 'zod';

interface Property {
  description?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
}

export interface Setting {
  name: string;
  description: string;
  /** As it would be written in the environment; absent where there is none. */
  defaultText?: string;
  required: boolean;
  bounds: string[];
}

/** Every setting of the configuration schema, in its order. */
export function settings(): Setting[] {
  const schema = toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const properties = (schema.properties ?? {}) as Record<string, Property>;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    description: property.description ?? '',
    required: schema.required?.includes(name) ?? false,
    bounds: bounds(property),
    ...defaultOf(name),
  }));
}

/** The JSON schema knows no default where the text is transformed (lists), so the schema itself is asked. */
function defaultOf(name: string): { defaultText?: string } {
  const schema = Object.entries(settingsSchema.shape).find(([key]) => key === name)?.[1];
  if (!(schema instanceof ZodDefault)) return {};
  const value: unknown = schema.def.defaultValue;
  return { defaultText: Array.isArray(value) ? value.join(',') : String(value) };
}

function bounds(property: Property): string[] {
  const found: string[] = [];
  if (property.enum) found.push(`one of ${property.enum.join(', ')}`);
  if (property.minimum !== undefined && property.minimum > Number.MIN_SAFE_INTEGER) {
    found.push(`at least ${property.minimum}`);
  }
  if (property.maximum !== undefined && property.maximum < Number.MAX_SAFE_INTEGER) {
    found.push(`at most ${property.maximum}`);
  }
  if (property.minLength !== undefined) found.push(`at least ${property.minLength} characters`);
  return found;
}

/** The text of `.env.example`. */
export function renderEnvironment(all: Setting[]): string {
  const head = [
    '# Every setting of Incumbent. Commented lines show the default; what is not commented must be set.',
    '# `npm start` needs none of them: it runs a local stack and makes its own secrets.',
    '# Generated from libs/config/src/config.ts by `npm run generate`.',
  ];
  const blocks = all.map((setting) => {
    const notes = [setting.required ? 'required' : '', ...setting.bounds].filter(Boolean).join('; ');
    const comment = `# ${setting.description}${notes ? ` (${notes})` : ''}`;
    const line = `${setting.name}=${setting.defaultText ?? ''}`;
    return `${comment}\n${setting.required ? line : `#${line}`}`;
  });
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`;
}
