/** Native-ESM Jest: NestJS 12 is ESM only, and Jest cannot load it through CommonJS. */
const shared = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2024',
        },
        module: { type: 'es6' },
      },
    ],
  },
};

const project = (displayName, roots, extra = {}) => ({ ...shared, displayName, roots, ...extra });

/** Real servers: of the caller, or a private stack started for the run. */
const onServers = {
  globalSetup: '<rootDir>/scripts/jest-setup.mjs',
  globalTeardown: '<rootDir>/scripts/jest-teardown.mjs',
};

export default {
  // Two cores are what continuous integration has; the servers need some of them too.
  maxWorkers: 2,
  testTimeout: 20_000,
  projects: [
    project('unit', ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/scripts']),
    project('integration', ['<rootDir>/test/integration'], onServers),
    project('e2e', ['<rootDir>/test/e2e'], onServers),
  ],
};
