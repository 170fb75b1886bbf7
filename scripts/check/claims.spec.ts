import { describe, expect, it } from '@jest/globals';
import { renderEnvironment, settings } from './environment.js';
import { errorPageProblems, summaryLine } from './error-pages.js';
import { anchors, pageProblems, type Repository } from './links.js';
import { lockProblems } from './lock-file.js';
import { replacedWords, wordProblems, wordsOf } from './words.js';

describe('.env.example', () => {
  it('shows the default of a setting as a comment and asks for one that has none', () => {
    const text = renderEnvironment([
      { name: 'SIZE', description: 'How large.', defaultText: '7', required: false, bounds: ['at least 1'] },
      { name: 'SECRET', description: 'What nobody knows.', required: true, bounds: [] },
    ]);
    expect(text).toContain('# How large. (at least 1)\n#SIZE=7\n');
    expect(text).toContain('# What nobody knows. (required)\nSECRET=\n');
  });

  it('knows defaults, bounds and duties from the configuration schema', () => {
    const byName = new Map(settings().map((setting) => [setting.name, setting]));
    expect(byName.get('PORT')).toMatchObject({ defaultText: '7400', required: false });
    expect(byName.get('ETCD_ENDPOINTS')?.defaultText).toMatch(/^http/);
    expect(byName.get('ADMIN_TOKEN')).toMatchObject({ required: true });
  });
});

describe('the error page', () => {
  const row = { status: 409, title: 'Taken', retryable: false };
  const page = (...sections: string[]): string => `# Errors\n\n${sections.join('\n\n')}\n`;
  const section = (code: string): string => `### ${code}\n\n${summaryLine(row)}\n\nTake another.`;

  it('is accepted when it says what the registry says, in its order', () => {
    expect(errorPageProblems(page(section('a.b'), section('a.c')), { 'a.b': row, 'a.c': row })).toEqual([]);
  });

  it.each([
    ['a code without a section', page(), 'no section'],
    ['a section without advice', page(`### a.b\n\n${summaryLine(row)}`), 'what to do'],
    ['another status', page(section('a.b').replace('409', '404')), 'expected "**409**'],
    ['a section without a code', page(section('a.b'), section('a.z')), 'a.z is not in'],
  ])('is refused with %s', (_, text, problem) => {
    expect(errorPageProblems(text, { 'a.b': row })).toEqual([expect.stringContaining(problem)]);
  });

  it('is refused in another order', () => {
    const text = page(section('a.c'), section('a.b'));
    expect(errorPageProblems(text, { 'a.b': row, 'a.c': row })).toEqual([expect.stringContaining('order')]);
  });
});

describe('what pages name', () => {
  const problemsOf = (text: string): string[] => {
    const repository: Repository = {
      paths: new Set(['docs', 'docs/a.md', 'docs/b.md', 'libs', 'libs/core']),
      scripts: new Set(['check', 'start']),
      pages: new Map([
        ['docs/a.md', text],
        ['docs/b.md', '# The `b` page\n'],
      ]),
    };
    return pageProblems('docs/a.md', repository);
  };

  it('is accepted when it exists', () => {
    const text =
      '[b](b.md#the-b-page), [web](https://example.org), `libs/core/`: `npm run check` or `npm start`.';
    expect(problemsOf(text)).toEqual([]);
  });

  it.each([
    ['link', '[c](c.md)'],
    ['heading', '[b](b.md#elsewhere)'],
    ['path', '`libs/nowhere`'],
    ['script', '`npm run nothing`'],
    ['command', '```\nnpm test\n```'],
  ])('is refused when the %s does not exist', (_, text) => {
    expect(problemsOf(text)).toHaveLength(1);
  });

  it('headings become anchors as GitHub makes them', () => {
    expect([...anchors('## What `npm run x` does: (1)\n```\n# no heading\n```\n')]).toEqual([
      'what-npm-run-x-does-1',
    ]);
  });
});

describe('the lock file', () => {
  const good = { version: '1.0.0', integrity: 'sha512-x' };
  const manifest = { dependencies: { a: '1.0.0' } };
  const lock = (entry: object, root: object = manifest): { packages: Record<string, object> } => ({
    packages: { '': root, 'node_modules/a': entry },
  });

  it('is accepted when it locks every package by content', () => {
    expect(lockProblems(manifest, lock(good))).toEqual([]);
    expect(lockProblems(manifest, lock({ version: '1.0.0', optional: true, os: ['linux'] }))).toEqual([]);
  });

  it.each([
    ['content is not locked', manifest, lock({ version: '1.0.0' })],
    ['a package comes from elsewhere', manifest, lock({ ...good, resolved: 'https://mirror.example/a.tgz' })],
    ['package.json has changed since', manifest, lock(good, {})],
    [
      'a range is not exact',
      { dependencies: { a: '^1.0.0' } },
      lock(good, { dependencies: { a: '^1.0.0' } }),
    ],
  ])('is refused when %s', (_, asked, locked) => {
    expect(lockProblems(asked, locked)).toHaveLength(1);
  });
});

describe('public names', () => {
  const replaced = replacedWords(
    '| Word | Meaning | Not |\n|---|---|---|\n| **leader** | who leads | master, owner |\n',
  );

  it('are taken apart into words', () => {
    expect(wordsOf('currentFence')).toEqual(['current', 'fence']);
    expect(wordsOf('/v1/api-keys/{keyId}')).toEqual(['v', 'api', 'keys', 'key', 'id']);
  });

  it('are refused when they use a word that the glossary replaced', () => {
    const names = new Map([
      ['masterId', 'here'],
      ['lockOwners', 'here'],
      ['leaderId', 'here'],
    ]);
    expect(wordProblems(names, replaced)).toEqual([
      'here: "masterId" says "master"; the glossary says "leader"',
      'here: "lockOwners" says "owners"; the glossary says "leader"',
    ]);
  });
});
