import { existsSync } from 'node:fs';
import { BootstrapError, progress, run, tail } from './progress.mjs';

/** What is missing -> the package that has it, on Debian and Ubuntu and in Homebrew. */
const PACKAGES = {
  etcd: { apt: 'etcd-server', brew: 'etcd' },
  postgres: { apt: 'postgresql', brew: 'postgresql@17' },
  'redis-server': { apt: 'redis-server', brew: 'redis' },
};

/** Address of a server that somebody else runs -> the binary that is then not needed. */
const OWN_SERVERS = { ETCD_ENDPOINTS: 'etcd', DATABASE_URL: 'postgres', REDIS_URL: 'redis-server' };

/**
 * Finds etcd, Postgres and Redis; on Debian and Ubuntu, as root or with a sudo that asks nothing, installs what is
 * missing. Nothing is left running: no service is started or enabled, no database cluster is made.
 */
export async function provideServers(node, command) {
  const missing = (await missingBinaries(node)).filter((name) => !isElsewhere(name, command));
  if (missing.length === 0) return;
  const names = missing.map((name) => PACKAGES[name].apt);
  const asRoot = await rootCommand();
  if (!existsSync('/usr/bin/apt-get') || asRoot === undefined) throw new BootstrapError(advice(missing));
  const step = progress.begin('servers', `installing ${names.join(', ')}`);
  const { code, output } = await run(asRoot[0], [...asRoot.slice(1), 'sh', '-c', aptScript(names)]);
  if (code !== 0 || (await missingBinaries(node)).some((name) => missing.includes(name))) {
    step.failed();
    throw new BootstrapError(`${tail(output)}\n\n${advice(missing)}`);
  }
  step.done(`installed ${names.join(', ')}`);
}

async function missingBinaries(node) {
  const { code, output } = await run(node, ['scripts/bootstrap/missing-servers.mjs']);
  if (code !== 0) throw new BootstrapError(output);
  return JSON.parse(output);
}

/** Tests bring up servers of their own, whatever the environment names. */
function isElsewhere(binary, command) {
  return (
    command !== 'test' &&
    command !== 'bench' &&
    Object.entries(OWN_SERVERS).some(([name, has]) => has === binary && process.env[name])
  );
}

async function rootCommand() {
  if (process.getuid?.() === 0) return ['env'];
  const { code } = await run('sudo', ['-n', 'true']).catch(() => ({ code: 1 }));
  return code === 0 ? ['sudo', '-n', 'env'] : undefined;
}

/**
 * Installs the packages without their services. Three things would start one: Postgres makes and starts a cluster
 * (told not to by a drop-in), the packages start their service (denied by policy-rc.d, which is ours only where
 * none was there), and the next boot starts what was enabled (disabled again, only where the package is new).
 */
function aptScript(names) {
  return `
set -eu
export DEBIAN_FRONTEND=noninteractive
new=''
for name in ${names.join(' ')}; do
  dpkg-query -W -f '\${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || new="$new $name"
done
cluster=/etc/postgresql-common/createcluster.d/incumbent.conf
policy=/usr/sbin/policy-rc.d
ours=''
tidy() {
  rm -f "$cluster"
  [ -z "$ours" ] || rm -f "$policy"
}
trap tidy EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "\${cluster%/*}"
echo 'create_main_cluster = false' > "$cluster"
if [ ! -e "$policy" ]; then
  ours=yes
  printf '%s\\n' '#!/bin/sh' 'case "$1" in etcd*|redis*|postgresql*) exit 101 ;; esac' 'exit 0' > "$policy"
  chmod 755 "$policy"
fi
install() { apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 ${names.join(' ')}; }
install || { apt-get update -q && install; }
for name in $new; do
  case $name in etcd-server) service=etcd ;; *) service=$name ;; esac
  [ ! -d /run/systemd/system ] || systemctl disable "$service" || true
  [ ! -x "/etc/init.d/$service" ] || update-rc.d "$service" disable || true
done
`;
}

function advice(missing) {
  const brew = missing.map((name) => PACKAGES[name].brew).join(' ');
  const apt = missing.map((name) => PACKAGES[name].apt).join(' ');
  return [
    `Not found on this machine: ${missing.join(', ')}. Any of these helps:`,
    '',
    `  Debian, Ubuntu   sudo apt-get install ${apt}`,
    `  macOS            brew install ${brew}`,
    '  Docker           docker compose up        (the whole service, nothing else needed)',
    '  your own         set DATABASE_URL, REDIS_URL and ETCD_ENDPOINTS to servers that run elsewhere',
    '',
    'Then try again.',
  ].join('\n');
}
