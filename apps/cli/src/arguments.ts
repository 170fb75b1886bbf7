import { parseArgs } from 'node:util';
import { checkpointCommand } from './admin/audit-checkpoint.js';
import { auditVerify } from './admin/audit-verify.js';
import { cluster } from './admin/cluster.js';
import { tenantsList } from './admin/tenants-list.js';
import type { Command, Given, Options } from './command.js';
import { EXIT, Failure } from './exit.js';

const COMMANDS: readonly Command[] = [tenantsList, cluster, checkpointCommand, auditVerify];

const OPTION_TEXTS: Record<keyof Options, string> = {
  tenant: '--tenant <id>        a tenant; "platform" for what concerns no tenant',
  all: '--all                every chain (what is done if no tenant is named)',
  checkpoint:
    '--checkpoint <file>  a checkpoint that was kept elsewhere, as answered or its token alone; may be repeated',
  jwks: '--jwks <file|url>    the public keys to trust; those in the database if absent',
  search: '--search <text>      only those with this text in their name or id',
  url: '--url <url>          the service; PUBLIC_URL, or HOST and PORT, if absent',
  json: '--json               one JSON document for programs',
  help: '--help               this page',
};

/**
 * The command that the words name, with its options; undefined if help is asked for.
 * @throws Failure
 */
export function parseCommand(words: string[]): Given | undefined {
  const names = words.filter((word, at) => !word.startsWith('-') && !words[at - 1]?.startsWith('--'));
  const command = COMMANDS.find((one) => one.name.every((word, at) => words[at] === word));
  if (words.length === 0 || words.includes('--help')) return undefined;
  if (!command) throw new Failure(`There is no command "${names.join(' ')}".\n\n${usage()}`, EXIT.usage);
  try {
    const { values } = parseArgs({ args: words.slice(command.name.length), options: OPTIONS, strict: true });
    const allowed = new Set<string>([...command.options, 'json', 'help']);
    const stray = Object.keys(values).find((name) => !allowed.has(name));
    if (stray !== undefined) throw new Error(`"${command.name.join(' ')}" takes no --${stray}`);
    return { command, options: values };
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : String(error)}\n\n${usage()}`, EXIT.usage);
  }
}

const OPTIONS = {
  tenant: { type: 'string' },
  all: { type: 'boolean' },
  checkpoint: { type: 'string', multiple: true },
  jwks: { type: 'string' },
  search: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

export function usage(): string {
  const lines = COMMANDS.map(({ name, options, summary }) => {
    const names = options.map((option) => `[--${option}]`).join(' ');
    return `  incumbent ${name.join(' ')} ${names}\n      ${summary}`;
  });
  const options = Object.values(OPTION_TEXTS).map((text) => `  ${text}`);
  return `incumbent <command> [options]

Commands
${lines.join('\n')}

Options
${options.join('\n')}

Environment
  ADMIN_TOKEN   for what asks the service
  DATABASE_URL  for what reads Postgres

Exit codes: 0 fine, 1 something is wrong, 2 the command or the environment is, 3 a server refused or is away.`;
}
