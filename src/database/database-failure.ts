import { ServiceError } from '../errors/service-error.js';

const RETRY_AFTER_MS = 5_000;

/**
 * SQLSTATE classes that say something of the server and not of the statement: connection, transaction rolled back by the
 * server (deadlock), no resources, an operator's intervention (shutdown, statement timeout), the system below it. The
 * single codes: a lock not got in time, a server that became read-only.
 */
const SERVER_STATES = /^(08|40|53|57|58)...$|^(55P03|25006)$/;

/** After these the server closes the connection, whatever the reason. */
const LAST_WORDS = new Set(['FATAL', 'PANIC']);

/** SQLITE_ERROR, SQLITE_CONSTRAINT, SQLITE_MISMATCH and SQLITE_RANGE: what is wrong is the statement. */
const STATEMENT_CODES = new Set([1, 19, 20, 25]);
/** The result code is in the lower bits of the extended one. */
const CODE_BITS = 0xff;

/** What PostgreSQL says. */
interface ServerError {
  readonly code: string;
  readonly severity: string;
}

/** What SQLite says; `errcode` is its extended result code. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';

  constructor(
    message: string,
    readonly errcode: number,
  ) {
    super(message);
  }
}

/** Whether the database could do its work and refuses this statement, as for a broken constraint or a wrong column. */
export function isStatementError(error: unknown): boolean {
  // oxlint-disable-next-line no-bitwise -- that is how SQLite builds them
  if (error instanceof SqliteError) return STATEMENT_CODES.has(error.errcode & CODE_BITS);
  return isRefusedByServer(error) && !SERVER_STATES.test(error.code);
}

/** Is it what the database answered, and not that it did not? */
export function isFromDatabase(error: unknown): boolean {
  return error instanceof SqliteError || isFromServer(error);
}

/** Did PostgreSQL refuse this, and goes on? After its last words it does nothing more. */
export function isRefusedByServer(error: unknown): error is ServerError {
  return isFromServer(error) && !LAST_WORDS.has(error.severity);
}

/** What failed while talking to the database: statement errors stay what they are, all else is its failure. */
export function databaseFailure(error: unknown): unknown {
  if (error instanceof ServiceError || isStatementError(error)) return error;
  return new ServiceError('QUEUE_UNAVAILABLE', 'Files cannot be accepted for later delivery now.', {
    cause: error,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** The server's own words have a severity; what Node and the driver say has none. */
function isFromServer(error: unknown): error is ServerError {
  return (
    typeof error === 'object' &&
    error !== null &&
    typeof Reflect.get(error, 'code') === 'string' &&
    typeof Reflect.get(error, 'severity') === 'string'
  );
}
