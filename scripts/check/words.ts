/** One word per thing: public names do not use a word that the glossary has replaced by another. */

/** Names that keep such a word on purpose. */
const SETTLED = new Set([
  ...['MASTER_KEY', 'NODE_ENV'],
  // Of etcd, in its own words, as its operators know them.
  ...['/admin/v1/cluster', 'getCluster', 'memberId', 'members', 'leases', 'clientUrls'],
]);

/** Forbidden word -> the word to use, from the table of docs/glossary.md (columns: word, meaning, not). */
export function replacedWords(glossary: string): Map<string, string> {
  const replaced = new Map<string, string>();
  for (const line of glossary.split('\n')) {
    const [, word = '', , not = ''] = line.split('|').map((cell) => cell.trim());
    if (!line.startsWith('|') || word === '' || word === 'Word' || /^-+$/.test(word)) continue;
    for (const banned of not.split(','))
      if (banned.trim()) replaced.set(banned.trim(), word.replaceAll('*', ''));
  }
  return replaced;
}

/** The words a name is made of: camelCase, snake_case, kebab-case, dots and slashes. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean);
}

/** Public names that use a replaced word. `names` maps each name to the place where it stands. */
export function wordProblems(
  names: ReadonlyMap<string, string>,
  replaced: ReadonlyMap<string, string>,
): string[] {
  const problems: string[] = [];
  for (const [name, place] of names) {
    if (SETTLED.has(name)) continue;
    for (const word of wordsOf(name)) {
      const better = replaced.get(word) ?? replaced.get(word.replace(/s$/, ''));
      if (better) problems.push(`${place}: "${name}" says "${word}"; the glossary says "${better}"`);
    }
  }
  return problems;
}
