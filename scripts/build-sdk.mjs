/**
 * Builds libs/sdk into its dist/. npm runs it as `prepare`: when the folder is installed by its path, and before it is
 * packed. It takes the compiler of the repository; in a clone without packages it installs that alone, and the types
 * of Node, below libs/sdk. Runs on Node 20.19 without any dependency.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cleanEnvironment } from './bootstrap/packages.mjs';
import { BootstrapError, progress, run, tail } from './bootstrap/progress.mjs';

const NEEDED = ['typescript', '@types/node'];
const root = path.join(import.meta.dirname, '..');
const sdk = path.join(root, 'libs/sdk');

/** The folder whose packages are enough; undefined if none has them. */
function equipped() {
  return [sdk, root].find((folder) =>
    NEEDED.every((name) => existsSync(path.join(folder, 'node_modules', name, 'package.json'))),
  );
}

async function step(command, args, options, failure) {
  const { code, output } = await run(command, args, { cwd: sdk, ...options });
  if (code !== 0) throw new BootstrapError(`${failure}\n\n${tail(output)}`);
}

async function build() {
  if (equipped() === undefined) {
    const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const wanted = NEEDED.map((name) => `${name}@${devDependencies[name]}`);
    const quiet = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
    const env = cleanEnvironment();
    await step('npm', ['install', ...quiet, ...wanted], { env }, 'npm could not install the compiler:');
  }
  const compiler = path.join(equipped() ?? root, 'node_modules/typescript/bin/tsc');
  await step(process.execPath, [compiler, '-p', 'tsconfig.json'], {}, 'The SDK does not compile:');
}

try {
  await build();
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  progress.fail(error.message);
  process.exitCode = 1;
}
