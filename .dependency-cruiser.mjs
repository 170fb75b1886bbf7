/**
 * The floors of the house: who may import whom. Imports point down, siblings do not see each other, a library
 * is entered by its door ('#name'), one driver has one owner. `scripts/check/floors.spec.ts` proves on a toy
 * tree that each rule fires; a new rule needs a case there.
 */

/** Library -> the libraries it may import. The floor of a library is where it stands in this table. */
const FLOORS = {
  core: [],
  config: ['core'],
  telemetry: ['core', 'config'],
  election: ['core'],
  etcd: ['core', 'config', 'telemetry', 'election'],
  postgres: ['core', 'config', 'telemetry', 'election'],
  queue: ['core', 'config', 'telemetry', 'election'],
  fencing: ['core', 'config', 'telemetry', 'election', 'etcd', 'postgres', 'queue'],
  tenancy: ['core', 'config', 'telemetry', 'election', 'etcd', 'postgres', 'queue'],
  audit: ['core', 'config', 'telemetry', 'election', 'etcd', 'postgres', 'queue'],
  history: ['core', 'config', 'telemetry', 'election', 'etcd', 'postgres', 'queue'],
  webhooks: ['core', 'config', 'telemetry', 'election', 'etcd', 'postgres', 'queue'],
  sdk: [],
};

/** Code that tests, measures or demonstrates: it may use the test library and any driver. */
const WORKSHOP = String.raw`\.spec\.ts$|^(test|scripts|demo)/|^libs/testing/`;

/** Further doors: the local stack runs before anything is built, the contract suite only inside Jest. */
const SIDE_DOORS = String.raw`^libs/testing/src/(local-stack/index|store-contract)\.ts$`;

const libs = (names) => `^libs/(${names.join('|')})/`;
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})(/|$)`;

const floorRules = Object.entries(FLOORS).map(([name, below]) => ({
  name: `floor-${name}`,
  comment: `libs/${name} may import ${below.length > 0 ? below.map((lib) => `#${lib}`).join(' ') : 'no other library'}.`,
  severity: 'error',
  from: { path: `^libs/${name}/` },
  to: { path: '^libs/', pathNot: [libs([name, ...below]), '^libs/testing/'] },
}));

/** One driver, one importing library: what a driver does wrong can then be caught in one place. */
const owner = (name, packages, owners, comment) => ({
  name: `driver-${name}`,
  comment,
  severity: 'error',
  from: { path: '^(apps|libs|migrations)/', pathNot: [WORKSHOP, ...owners] },
  to: { path: npm(...packages) },
});

const driverRules = [
  owner(
    'etcd',
    ['etcd3', 'cockatiel', '@grpc/grpc-js'],
    ['^libs/etcd/'],
    'etcd is spoken in libs/etcd only.',
  ),
  owner('postgres', ['pg'], ['^libs/postgres/'], 'Postgres is spoken in libs/postgres only.'),
  owner(
    'typeorm',
    ['typeorm', '@nestjs/typeorm'],
    [libs(['postgres', 'tenancy', 'fencing', 'audit', 'history', 'webhooks']), '^migrations/'],
    'Rows live in the library of their subject; applications use what it offers.',
  ),
  owner(
    'queue',
    ['bullmq', 'ioredis', '@nestjs/bullmq', 'rate-limiter-flexible'],
    ['^libs/queue/'],
    'Redis is spoken in libs/queue only.',
  ),
  owner('jose', ['jose'], ['^libs/fencing/'], 'Tokens are signed and verified in libs/fencing only.'),
  owner(
    'telemetry',
    ['prom-client', 'pino'],
    ['^libs/telemetry/'],
    'Logs and metrics come from libs/telemetry.',
  ),
  owner(
    'webhooks',
    ['undici', 'ipaddr.js'],
    ['^libs/webhooks/'],
    'What tenants name is called from libs/webhooks only, through its guard.',
  ),
  owner(
    'http',
    ['fastify', '@fastify/[^/]+', '@nestjs/platform-fastify', '@nestjs/swagger'],
    ['^apps/'],
    'Only processes speak HTTP; libraries throw coded errors.',
  ),
];

const boundaryRules = [
  {
    name: 'enter-by-door',
    comment: "Another library is imported as '#name', never by a path into it.",
    severity: 'error',
    from: { path: '^(?:apps|migrations|test|scripts|demo)/|^libs/([^/]+)/' },
    to: { path: '^libs/', pathNot: ['^libs/$1/', '^libs/[^/]+/src/index\\.ts$', SIDE_DOORS] },
  },
  {
    name: 'door-has-a-name',
    comment: "The door of another library is written '#name', not as a relative path.",
    severity: 'error',
    from: { path: '^(?:apps|migrations|test|scripts|demo)/|^libs/([^/]+)/' },
    to: {
      path: '^libs/[^/]+/src/index\\.ts$',
      pathNot: '^libs/$1/',
      dependencyTypesNot: ['aliased-subpath-import'],
    },
  },
  {
    name: 'no-self-door',
    comment: 'Inside a library files import each other directly; the door is for others.',
    severity: 'error',
    from: { path: '^libs/([^/]+)/', pathNot: String.raw`\.spec\.ts$` },
    to: { path: '^libs/$1/src/index\\.ts$' },
  },
  {
    name: 'apps-are-leaves',
    comment: 'Nothing but tests and scripts imports an application.',
    severity: 'error',
    from: { path: '^(libs|migrations|demo)/' },
    to: { path: '^apps/' },
  },
  {
    name: 'apps-stand-apart',
    comment: 'Applications do not import each other.',
    severity: 'error',
    from: { path: '^apps/([^/]+)/' },
    to: { path: '^apps/', pathNot: '^apps/$1/' },
  },
  {
    name: 'testing-stays-in-tests',
    comment: 'libs/testing is for specs, tests, scripts and the demo.',
    severity: 'error',
    from: { pathNot: WORKSHOP },
    to: { path: '^libs/testing/' },
  },
  {
    name: 'nothing-imports-tests',
    comment: 'Specs and test/ are imported by tests only.',
    severity: 'error',
    from: { pathNot: String.raw`\.spec\.ts$|^test/` },
    to: { path: String.raw`\.spec\.ts$|^test/` },
  },
  {
    name: 'migrations-stand-alone',
    comment: 'A migration is history: code that changes later would change the past.',
    severity: 'error',
    from: { path: '^migrations/', pathNot: WORKSHOP },
    to: { path: '^(apps|libs)/' },
  },
  {
    name: 'demo-is-a-customer',
    comment: 'The demo uses the SDK as a customer would; only its stack comes from libs/testing.',
    severity: 'error',
    from: { path: '^(scripts/)?demo/' },
    to: { path: '^(apps|libs)/', pathNot: libs(['sdk', 'testing']) },
  },
];

const purityRules = [
  {
    name: 'no-nest-below',
    comment: 'Below the adapters there is no framework.',
    severity: 'error',
    from: { path: libs(['core', 'config', 'telemetry', 'election', 'sdk']), pathNot: WORKSHOP },
    to: { path: npm('@nestjs/[^/]+') },
  },
  {
    name: 'pure-needs-no-package',
    comment: 'The algorithm, the core and the SDK depend on no package.',
    severity: 'error',
    from: { path: libs(['core', 'election', 'sdk']), pathNot: WORKSHOP },
    to: { path: npm('[^/]+') },
  },
  {
    name: 'no-dev-dependency',
    comment: 'What ships may import only what is installed for production.',
    severity: 'error',
    from: { path: '^(apps|libs|migrations)/', pathNot: WORKSHOP },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'no-unresolvable',
    comment: 'Every import leads somewhere; what lies in dist/ may not be built yet.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
  },
  {
    name: 'no-circular',
    comment: 'A cycle is two files that are one, or a boundary in the wrong place.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-orphans',
    comment: 'A file that nothing uses and that uses nothing is forgotten.',
    severity: 'error',
    from: { orphan: true, pathNot: String.raw`\.spec\.ts$|\.d\.ts$|/main\.ts$|^(migrations|scripts|test)/` },
    to: {},
  },
];

export default {
  forbidden: [...floorRules, ...driverRules, ...boundaryRules, ...purityRules],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|\\.data|scripts/check/smoke-client)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      // 'source' leads '#name' to libs/name/src/index.ts; see "imports" in package.json.
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
};
