/** The lock file is honest: it locks what package.json asks for, by content, from the public registry. */
interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export interface LockFile {
  packages: Record<string, Locked>;
}

export interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const REGISTRY = 'https://registry.npmjs.org/';

/** Why an install from this lock file could give something else than meant. */
export function lockProblems(manifest: Manifest, lock: LockFile): string[] {
  const problems: string[] = [];
  const root = lock.packages[''] ?? {};
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
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
    // What `complete-lock.mjs` adds: a platform's own build, which this platform never installs.
    const foreign = entry.optional && entry.os !== undefined;
    if (!entry.integrity && !entry.inBundle && !foreign)
      problems.push(`package-lock.json: ${place} has no integrity`);
    if (entry.resolved && !entry.resolved.startsWith(REGISTRY)) {
      problems.push(`package-lock.json: ${place} comes from ${new URL(entry.resolved).host}`);
    }
  }
  return problems;
}
