/** docs/errors.md has one section per code of the registry, and says the same about it. */
export interface ErrorRow {
  status: number;
  title: string;
  retryable: boolean;
}

/** The line below a section's heading. */
export function summaryLine(row: ErrorRow): string {
  return `**${row.status}** ${row.title}. ${row.retryable ? 'Retryable.' : 'Not retryable as it is.'}`;
}

/** What the page and the registry disagree about. */
export function errorPageProblems(page: string, registry: Record<string, ErrorRow>): string[] {
  const sections = new Map<string, string[]>();
  for (const part of page.split(/^### /m).slice(1)) {
    const [heading = '', ...body] = part.split('\n');
    sections.set(
      heading.replaceAll('`', '').trim(),
      body.filter((line) => line.trim() !== ''),
    );
  }
  const problems: string[] = [];
  for (const [code, row] of Object.entries(registry)) {
    const body = sections.get(code);
    if (!body) problems.push(`docs/errors.md has no section "### ${code}"`);
    else if (body[0] !== summaryLine(row))
      problems.push(`docs/errors.md, ${code}: expected "${summaryLine(row)}"`);
    else if (body.length < 2) problems.push(`docs/errors.md, ${code}: does not say what to do`);
  }
  for (const code of sections.keys()) {
    if (!(code in registry)) problems.push(`docs/errors.md: ${code} is not in libs/core/src/errors.ts`);
  }
  const order = [...sections.keys()].filter((code) => code in registry).join();
  const expected = Object.keys(registry)
    .filter((code) => sections.has(code))
    .join();
  if (order !== expected) problems.push('docs/errors.md: sections are not in the order of the registry');
  return problems;
}
