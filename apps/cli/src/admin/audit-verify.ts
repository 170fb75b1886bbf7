import { AUDIT_ENTITIES, AuditVerifier, PLATFORM_CHAIN, type StoredVerdict } from '#audit';
import { readSettings } from '#config';
import { hasCode, systemClock } from '#core';
import { FENCING_ENTITIES, SigningKeyStore } from '#fencing';
import { Database } from '#postgres';
import { createLogger } from '#telemetry';
import { checkpointReader, readCheckpointFile, readJwks } from '../audit/trusted-checkpoints.js';
import type { Command, Options } from '../command.js';
import { EXIT, Failure } from '../exit.js';
import { table, write, writeJson } from '../output.js';

const CONNECT_WITHIN_MS = 5_000;
/** One for the walk; one for the database to look whether it is still there. */
const POOL_SIZE = 2;
/** Of a hash, as people compare them. */
const SHOWN_HASH = 12;

export const auditVerify: Command = {
  name: ['admin', 'audit', 'verify'],
  summary:
    'Reads chains from Postgres and names the first event that was changed, removed, inserted or moved.',
  options: ['tenant', 'all', 'checkpoint', 'jwks'],
  async run({ options }) {
    if (options.tenant !== undefined && options.all)
      throw new Failure('Give --tenant or --all, not both', EXIT.usage);
    const verdicts = await withDatabase((database) => verifyAll(database, options));
    const wrong = verdicts.filter((verdict) => verdict.wrong !== undefined).length;
    if (options.json) writeJson({ chains: verdicts, wrong });
    else write(show(verdicts, wrong));
    return wrong > 0 ? EXIT.wrong : EXIT.fine;
  },
};

async function verifyAll(database: Database, options: Options): Promise<StoredVerdict[]> {
  const jwks =
    options.jwks === undefined
      ? { keys: await new SigningKeyStore(database).publicKeys() }
      : await readJwks(options.jwks);
  const read = checkpointReader(jwks);
  const seen = await Promise.all((options.checkpoint ?? []).map((file) => readCheckpointFile(file, read)));
  const stray = seen.find(({ tenant }) => options.tenant !== undefined && tenant !== options.tenant);
  if (stray) throw new Failure(`The checkpoint is of ${stray.tenant}, not of ${options.tenant}`, EXIT.usage);
  const verifier = new AuditVerifier(database, read);
  // A chain that was removed altogether is known by its checkpoint alone.
  const everything = async (): Promise<Set<string>> =>
    new Set([...(await verifier.chains()), ...seen.map(({ tenant }) => tenant)]);
  const chains = options.tenant === undefined ? await everything() : [options.tenant];
  if (
    options.tenant !== undefined &&
    options.tenant !== PLATFORM_CHAIN &&
    !(await everything()).has(options.tenant)
  )
    throw new Failure(
      `Nothing is on record of ${options.tenant}: check the id. If it had a chain, it was removed.`,
      EXIT.wrong,
    );
  const verdicts: StoredVerdict[] = [];
  for (const tenantId of chains) verdicts.push(await verifier.verify(tenantId, seen));
  return verdicts;
}

/** @throws Failure when Postgres is away */
async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const { DATABASE_URL } = readSettings('DATABASE_URL');
  const logger = createLogger({ service: 'cli', level: 'silent' });
  const entities = [...AUDIT_ENTITIES, ...FENCING_ENTITIES];
  const options = { url: DATABASE_URL, applicationName: 'incumbent-cli', entities, poolSize: POOL_SIZE };
  const database = new Database(options, logger, systemClock);
  database.start();
  try {
    if (await database.waitUntilAvailable(CONNECT_WITHIN_MS)) return await work(database);
    throw new Failure(
      'Postgres does not answer at DATABASE_URL, refuses its login, or was not migrated',
      EXIT.server,
    );
  } catch (error) {
    if (!hasCode(error, 'database.unavailable')) throw error;
    throw new Failure('Postgres went away or was too slow', EXIT.server, error);
  } finally {
    await database.close();
  }
}

function show(verdicts: readonly StoredVerdict[], wrong: number): string {
  if (verdicts.length === 0) return 'There is nothing on record.';
  const rows = verdicts.map((verdict) => [verdict.tenantId, verdict.wrong ? 'WRONG' : 'ok', sayOf(verdict)]);
  const end = wrong === 0 ? 'Nothing is wrong.' : `${wrong} of ${verdicts.length} chains are wrong.`;
  return `${table(rows)}\n\n${end}`;
}

function sayOf({ wrong, verified, events, checkpoints, unreadable }: StoredVerdict): string {
  const odd = unreadable > 0 ? `; ${unreadable} kept checkpoints are of other keys` : '';
  if (wrong) {
    const id = wrong.id === undefined ? '' : ` (${wrong.id})`;
    return `event ${wrong.sequence}${id} ${wrong.kind}: ${wrong.detail}${odd}`;
  }
  const head = `ends with ${verified.sequence} ${verified.hash.slice(0, SHOWN_HASH)}`;
  const agreed = checkpoints === 1 ? '1 checkpoint agrees' : `${checkpoints} checkpoints agree`;
  return `${events} events, ${head}, ${agreed}${odd}`;
}
