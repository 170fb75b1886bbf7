/** Shows each ban of eslint.config.mjs a line that breaks it, in a place where it holds. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';

/** What is banned, the existing file in whose place the code is read, the code, and the rule that speaks. */
const BANNED: [what: string, file: string, code: string, rule: string][] = [
  ['any', 'libs/core/src/ids.ts', 'export const a: any = 1;', '@typescript-eslint/no-explicit-any'],
  [
    '!',
    'libs/core/src/ids.ts',
    'export const f = (a?: string) => a!;',
    '@typescript-eslint/no-non-null-assertion',
  ],
  [
    'a type imported as a value',
    'libs/core/src/deadline.ts',
    "import { Clock } from './clock.js'; export type A = Clock;",
    '@typescript-eslint/consistent-type-imports',
  ],
  ['the environment', 'libs/core/src/ids.ts', 'export const a = process.env.A;', 'no-restricted-syntax'],
  ['the wall clock', 'libs/core/src/ids.ts', 'export const a = Date.now();', 'no-restricted-syntax'],
  ['the date of today', 'libs/core/src/ids.ts', 'export const a = new Date();', 'no-restricted-syntax'],
  [
    'forwardRef',
    'libs/core/src/ids.ts',
    "import { forwardRef } from '@nestjs/common';",
    'no-restricted-syntax',
  ],
  [
    'request scope',
    'libs/core/src/ids.ts',
    "import { Scope } from '@nestjs/common'; export const a = Scope.REQUEST;",
    'no-restricted-syntax',
  ],
  ['a bare timer', 'libs/election/src/keys.ts', 'setTimeout(() => undefined, 1);', 'no-restricted-syntax'],
  [
    'a sixth parameter of a constructor',
    'libs/core/src/ids.ts',
    'export class A { constructor(a: 1, b: 1, c: 1, d: 1, e: 1, f: 1) { void [a, b, c, d, e, f]; } }',
    'no-restricted-syntax',
  ],
  [
    'a fifth parameter',
    'libs/core/src/ids.ts',
    'export const f = (a: 1, b: 1, c: 1, d: 1, e: 1) => [a, b, c, d, e];',
    'no-restricted-syntax',
  ],
  [
    'a function of 61 lines',
    'libs/core/src/ids.ts',
    `export function f(): void {\n${'// line\n'.repeat(59)}}`,
    'max-lines-per-function',
  ],
  ['a file of 401 lines', 'scripts/check/check.mjs', '// line\n'.repeat(401), 'max-lines'],
];

/** Rules that ask the type checker are slow to show at work; it is shown that they are errors everywhere. */
const TYPED = [
  '@typescript-eslint/no-floating-promises',
  '@typescript-eslint/no-misused-promises',
  '@typescript-eslint/no-unsafe-assignment',
  '@typescript-eslint/switch-exhaustiveness-check',
];
const PLACES = [
  'apps/api/src/main.ts',
  'libs/etcd/src/index.ts',
  'scripts/check/docs.ts',
  'test/e2e/caller.ts',
];

const ALLOWED: [what: string, file: string, code: string][] = [
  ['the environment in libs/config', 'libs/config/src/index.ts', 'export const a = process.env.A;'],
  ['the wall clock in the clock', 'libs/core/src/clock.ts', 'export const a = Date.now();'],
  ['the environment in specs', 'scripts/check/lint.spec.ts', 'export const a = process.env.A;'],
  [
    'five parameters of a constructor',
    'libs/core/src/ids.ts',
    'export class A { constructor(a: 1, b: 1, c: 1, d: 1, e: 1) { void [a, b, c, d, e]; } }',
  ],
];

describe('the linter', () => {
  const shown = new Set(BANNED.map(([, , , rule]) => rule));
  const eslint = new ESLint({
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => shown.has(ruleId),
  });
  const rulesOf = async (file: string, code: string): Promise<(string | null)[]> => {
    const [result] = await eslint.lintText(`${code}\n`, { filePath: file });
    return (result?.messages ?? []).map((message) => message.ruleId ?? message.message);
  };

  // The first call loads the configuration with all its rules.
  beforeAll(async () => void (await rulesOf('libs/core/src/ids.ts', '')), 60_000);

  it.each(BANNED)('refuses %s', async (_, file, code, rule) => {
    expect(await rulesOf(file, code)).toContain(rule);
  });

  it.each(ALLOWED)('allows %s', async (_, file, code) => {
    expect(await rulesOf(file, code)).toEqual([]);
  });

  it.each(PLACES)('asks the type checker in %s', async (file) => {
    const config = (await eslint.calculateConfigForFile(file)) as { rules: Record<string, [number]> };
    const severities = TYPED.map((rule) => [rule, config.rules[rule]?.[0]]);
    expect(severities).toEqual(TYPED.map((rule) => [rule, 2]));
  });
});
