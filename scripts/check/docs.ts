/** Reads what the documents claim and compares it with the code. Prints each lie; exits 1 if there is one. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ERRORS } from '#core';
import { renderEnvironment, settings } from './environment.js';
import { errorPageProblems } from './error-pages.js';
import { pageProblems, type Repository } from './links.js';
import { type LockFile, lockProblems, type Manifest } from './lock-file.js';
import { publicNames } from './public-names.js';
import { replacedWords, wordProblems } from './words.js';

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Files that are in git or about to be, with their folders. */
function repositoryPaths(): Set<string> {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  const paths = new Set<string>(['.']);
  for (const file of listed.split('\n').filter((name) => name !== '' && existsSync(name))) {
    for (let place = file; place !== '.'; place = path.posix.dirname(place)) paths.add(place);
  }
  return paths;
}

function readRepository(manifest: { scripts?: Record<string, string> }): Repository {
  const paths = repositoryPaths();
  const pages = [...paths].filter((file) => file.endsWith('.md'));
  return {
    paths,
    scripts: new Set(Object.keys(manifest.scripts ?? {})),
    pages: new Map(pages.map((page) => [page, read(page)])),
  };
}

const manifest = JSON.parse(read('package.json')) as Manifest & { scripts?: Record<string, string> };
const repository = readRepository(manifest);
const all = settings();
const problems = [
  ...(read('.env.example') === renderEnvironment(all)
    ? []
    : ['.env.example is out of date: npm run generate']),
  ...all.filter((setting) => setting.description === '').map(({ name }) => `${name} has no description`),
  ...errorPageProblems(read('docs/errors.md'), ERRORS),
  ...[...repository.pages.keys()].flatMap((page) => pageProblems(page, repository)),
  ...lockProblems(manifest, JSON.parse(read('package-lock.json')) as LockFile),
  ...wordProblems(publicNames(all, read('docs/openapi.json')), replacedWords(read('docs/glossary.md'))),
];
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
