/** What the compiler cannot say. Each ban names the place where the thing is allowed. */
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const BANS = {
  constructor: {
    selector: 'MethodDefinition[kind="constructor"] > FunctionExpression[params.length>5]',
    message: 'A constructor takes at most 5 parameters: split the class, or group what belongs together.',
  },
  parameters: {
    selector: ':function[params.length>4]:not(MethodDefinition[kind="constructor"] > FunctionExpression)',
    message: 'A function takes at most 4 parameters: pass one object with names.',
  },
  environment: {
    selector: 'MemberExpression[object.name="process"][property.name="env"]',
    message: 'The environment is read in libs/config only; take what you need as a typed setting.',
  },
  wallClock: {
    selector: 'MemberExpression[object.name="Date"][property.name="now"]',
    message: 'Wall clocks step. Take a Clock (libs/core/src/clock.ts); decisions use monotonicMs.',
  },
  newDate: {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: 'Take a Clock (libs/core/src/clock.ts) and use wallTimeMs; decisions use monotonicMs.',
  },
  forwardRef: {
    selector: 'ImportSpecifier[imported.name="forwardRef"]',
    message: 'forwardRef hides a cycle: join the siblings in their parent.',
  },
  requestScope: {
    selector: 'MemberExpression[object.name="Scope"][property.name=/^(REQUEST|TRANSIENT)$/]',
    message: 'Everything is a singleton; pass what belongs to a request as an argument.',
  },
  timers: {
    selector: 'CallExpression[callee.name=/^set(Timeout|Interval|Immediate)$/]',
    message: 'The algorithm has no timers of its own: take a Clock and use after().',
  },
};
const ban = (...names) => ({ 'no-restricted-syntax': ['error', ...names.map((name) => BANS[name])] });

const EVERYWHERE = ['constructor', 'parameters', 'forwardRef', 'requestScope'];
const PRODUCT = [...EVERYWHERE, 'environment', 'wallClock', 'newDate'];
const SIZES = {
  'max-lines': ['error', 400],
  'max-lines-per-function': ['error', 60],
  complexity: ['error', { max: 20, variant: 'modified' }],
  'max-depth': ['error', 4],
  'max-nested-callbacks': ['error', 4],
};
const TESTS = ['**/*.spec.ts', 'test/**/*.ts'];

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.data/', 'node_modules/', 'scripts/check/smoke-client/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,mjs}'],
    rules: {
      ...SIZES,
      ...ban(...EVERYWHERE),
      eqeqeq: 'error',
      'no-console': 'error',
      'no-param-reassign': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      // Adapters implement asynchronous ports with what is at hand: an `async` without `await` is no mistake.
      '@typescript-eslint/require-await': 'off',
      // A module class is its decorator.
      '@typescript-eslint/no-extraneous-class': 'off',
    },
  },
  { files: ['apps/**/*.ts', 'libs/**/*.ts', 'migrations/**/*.ts'], rules: ban(...PRODUCT) },
  { files: ['libs/config/src/**/*.ts'], rules: ban(...PRODUCT.filter((name) => name !== 'environment')) },
  {
    files: ['libs/core/src/clock.ts'],
    rules: ban(...PRODUCT.filter((name) => name !== 'wallClock' && name !== 'newDate')),
  },
  { files: ['libs/election/**/*.ts'], rules: ban(...PRODUCT, 'timers') },
  // The SDK is published on its own: it has no Clock of ours.
  { files: ['libs/sdk/src/**/*.ts'], rules: ban(...EVERYWHERE, 'environment') },
  {
    files: [...TESTS, 'libs/testing/**/*.ts'],
    rules: {
      ...ban(...EVERYWHERE),
      'max-lines-per-function': 'off',
      'max-nested-callbacks': ['error', 6],
      // Tests take their hands apart: objects of functions, whose types speak of methods.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['libs/testing/**/*.ts', 'test/bench/**/*.ts'],
    rules: { 'max-lines-per-function': ['error', 60] },
  },
  // Programs that a person runs talk on the console.
  { files: ['demo/**', 'scripts/**', 'test/bench/**', 'libs/testing/**'], rules: { 'no-console': 'off' } },
);
