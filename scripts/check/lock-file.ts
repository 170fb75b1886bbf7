/** The lock file is honest: it locks what package.json asks for, by content, from the public registry. */
interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

export interface LockFile {
  packages: Record<string, Locked>;
}

export interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const REGISTRY = 'https://registry.npmjs.org/';

/** Why an install from this lock file could give something else than meant. */
export function lockProblems(manifest: Manifest, lock: LockFile): string[] {
  const problems: string[] = [];
  const root = lock.packages[''] ?? {};
  for (const kind of ['dependencies', 'devDependencies'] as const) {
    const asked = manifest[kind] ?? {};
    const locked = root[kind] ?? {};
    for (const name of new Set([...Object.keys(asked), ...Object.keys(locked)])) {
      if (asked[name] !== locked[name]) problems.push(`package-lock.json: ${kind}.${name} is out of date`);
      const range = asked[name] ?? '';
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))
        problems.push(`package.json: pin ${name} exactly (is "${range}")`);
    }
  }
  for (const [place, entry] of Object.entries(lock.packages)) {
    if (place === '' || entry.link) continue;
    if (!entry.integrity && !entry.inBundle) problems.push(`package-lock.json: ${place} has no integrity`);
    if (entry.resolved && !entry.resolved.startsWith(REGISTRY)) {
      problems.push(`package-lock.json: ${place} comes from ${new URL(entry.resolved).host}`);
    }
  }
  return problems;
}
