/** What a page names must exist: links, headings, paths of this repository and npm scripts. */
import path from 'node:path';

export interface Repository {
  /** Repository-relative paths of all files and folders. */
  paths: ReadonlySet<string>;
  scripts: ReadonlySet<string>;
  /** Content of every page, by path. */
  pages: ReadonlyMap<string, string>;
}

/** Commands of npm itself that run a script of the same name. */
const SHORTHANDS = /\bnpm (start|test)\b/g;
const RUNS = /\bnpm run (?:-\S+ )*([\w:.]+[\w:.-]*)/g;
const LINKS = /\[[^\]]*\]\(([^)\s]+)\)/g;
/** A path in backticks that begins in one of our folders and is no pattern. */
const PATHS = /`((?:apps|libs|migrations|test|scripts|docs|docker|\.ci)\/[\w./-]*)`/g;

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

/** The anchors that GitHub makes of the headings of a page. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
    found.add(
      plain
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    );
  }
  return found;
}

function linkProblem(page: string, link: string, repository: Repository): string | undefined {
  if (/^(https?|mailto):/.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file).replace(/\/$/, '');
  if (!repository.paths.has(target)) return `${page}: link to ${link} leads nowhere`;
  const content = repository.pages.get(target);
  if (anchor && content !== undefined && !anchors(content).has(anchor)) {
    return `${page}: ${target} has no heading #${anchor}`;
  }
  return undefined;
}

/** Everything that `page` names and that does not exist. */
export function pageProblems(page: string, repository: Repository): string[] {
  const text = repository.pages.get(page) ?? '';
  const prose = withoutFences(text);
  const problems: string[] = [];
  for (const [, link = ''] of prose.matchAll(LINKS)) {
    const problem = linkProblem(page, link, repository);
    if (problem) problems.push(problem);
  }
  for (const [, named = ''] of prose.matchAll(PATHS)) {
    if (!repository.paths.has(named.replace(/\/$/, '')))
      problems.push(`${page}: \`${named}\` does not exist`);
  }
  for (const pattern of [RUNS, SHORTHANDS]) {
    for (const [command, script = ''] of text.matchAll(pattern)) {
      if (!repository.scripts.has(script))
        problems.push(`${page}: "${command}" is no script of package.json`);
    }
  }
  return problems;
}
