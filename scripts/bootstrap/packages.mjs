import { existsSync, readFileSync } from 'node:fs';
import { BootstrapError, progress, run, tail } from './progress.mjs';

/** Installs the locked packages, unless node_modules already holds just these. */
export async function installPackages() {
  const locked = read('package-lock.json').packages;
  if (isInstalled(locked)) return;
  const step = progress.begin('packages', `installing about ${Object.keys(locked).length}`);
  const { code, output } = await install();
  if (code !== 0) {
    step.failed();
    throw new BootstrapError(`npm could not install the packages:\n\n${tail(output)}`);
  }
  step.done('installed');
}

/** npm notes what it has installed, when it is done, in a lock file of its own. */
function isInstalled(locked) {
  if (!existsSync('node_modules/.package-lock.json')) return false;
  const installed = read('node_modules/.package-lock.json').packages;
  return Object.entries(locked).every(
    ([place, { version, optional }]) =>
      place === '' || installed[place]?.version === version || (optional && !installed[place]),
  );
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function install() {
  // npm's warnings are about other people's packages and nothing that one could act on here.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const npm = (command) => run('npm', [...command, ...quiet], { env: cleanEnvironment() });
  const clean = await npm(['ci']);
  // npm refuses a lock that lacks another platform's optional packages (npm/cli#4828); `install` takes it.
  if (clean.code !== 0 && clean.output.includes('EUSAGE')) return npm(['install', '--no-save']);
  return clean;
}

/** Without what npm tells a script about its own run: an inner npm would take it for its settings. */
export function cleanEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(config_(?!registry|cache|cafile|userconfig)|lifecycle|package)/i.test(name),
    ),
  );
}

/**
 * The Node that runs everything else: this one where it is 24 or later, else the one among the packages.
 * @throws BootstrapError where neither is there
 */
export async function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const bundled = `node_modules/.bin/node`;
  const { code, output } = await run(bundled, ['--version']).catch((error) => ({
    code: 1,
    output: String(error),
  }));
  if (code === 0 && /^v(2[4-9]|[3-9]\d)\./.test(output)) return bundled;
  throw new BootstrapError(
    `Incumbent runs on Node 24. This machine has ${process.version}, and the packages bring Node 24 for Linux on ` +
      `x64 and arm64 only (${process.platform}-${process.arch}: ${tail(output, 1)}).\n` +
      'Install Node 24 (https://nodejs.org, `brew install node@24`, nvm, fnm ...) and try again.',
  );
}
