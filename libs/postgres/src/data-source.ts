import { DataSource, type DataSourceOptions } from 'typeorm';

/** A dead address must not hold a call: the service answers 503 within this. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Enforced by the server; no statement of ours needs a tenth of it. */
const STATEMENT_TIMEOUT_MS = 3_000;
/** Enforced here, for a server that has stopped answering; a little later, so that the server speaks first. */
const ANSWER_TIMEOUT_MS = 3_500;
/**
 * Longer than the etcd commit that a transaction may wait for; a process that froze inside a transaction must
 * not keep its row locks for ever.
 */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;

/** What connections act as when nothing else is said: every tenant's rows, and the owner of no table. */
const SERVICE_ROLE = 'incumbent_service';

export interface DataSourceSettings {
  url: string;
  applicationName: string;
  /** The entity classes of the libraries that use the connection. */
  entities?: NonNullable<DataSourceOptions['entities']>;
  poolSize: number;
  /** Called for errors of connections that nobody is using. */
  onIdleError(error: unknown): void;
}

/** A data source for short statements. Times are UTC; nothing is synchronised or installed by itself. */
export function createDataSource(settings: DataSourceSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url: settings.url,
    applicationName: settings.applicationName,
    entities: settings.entities ?? [],
    poolSize: settings.poolSize,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    installExtensions: false,
    synchronize: false,
    logging: false,
    poolErrorHandler: (error: unknown) => settings.onIdleError(error),
    extra: {
      // The login may be the owner, or a superuser: what runs is neither. Refused until the migrations made the role.
      // Statements here are short, and compiling one takes longer than it does: the planner only guesses which is not.
      options: `-c role=${SERVICE_ROLE} -c jit=off`,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
      keepAlive: true,
    },
  });
}
