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
    'a floating promise',
    'libs/core/src/ids.ts',
    'Promise.resolve();',
    '@typescript-eslint/no-floating-promises',
  ],
  [
    'a promise where none is awaited',
    'libs/core/src/ids.ts',
    'export const f = (a: number[]) => a.forEach(async () => { await Promise.resolve(); });',
    '@typescript-eslint/no-misused-promises',
  ],
  [
    'a switch with a hole',
    'libs/core/src/ids.ts',
    "export function f(a: 'x' | 'y'): number { switch (a) { case 'x': return 1; } return 0; }",
    '@typescript-eslint/switch-exhaustiveness-check',
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
  let eslint: ESLint;
  const rulesOf = async (file: string, code: string): Promise<(string | null)[]> => {
    const [result] = await eslint.lintText(`${code}\n`, { filePath: file });
    return (result?.messages ?? []).map((message) => message.ruleId ?? message.message);
  };

  beforeAll(async () => {
    eslint = new ESLint();
    // The first file makes the type checker read the whole project.
    await rulesOf('libs/core/src/ids.ts', '');
  }, 60_000);

  it.each(BANNED)('refuses %s', async (_, file, code, rule) => {
    expect(await rulesOf(file, code)).toContain(rule);
  });

  it.each(ALLOWED)('allows %s', async (_, file, code) => {
    expect(await rulesOf(file, code)).toEqual([]);
  });
});
