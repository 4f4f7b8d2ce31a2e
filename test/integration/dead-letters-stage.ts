import { afterAll, beforeAll, beforeEach, describe } from '@jest/globals';
import request, { type Test } from 'supertest';
import { Database } from '../../src/database/database.service.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { type LetterOptions, type SeededLetter, seedLetter } from '../support/dead-letters.js';
import { type OperatorsApp, startOperatorsApp } from '../support/operators-app.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';

export const HOUR_MS = 3_600_000;
export const SPACING_MS = 1_000;

type Backend = 'SQLite' | 'PostgreSQL';

/** A service with a database in which nothing is dead, and an operator. */
export class LetterStage {
  private constructor(
    readonly running: OperatorsApp,
    readonly database: Database,
    readonly admin: string,
    private readonly server?: PostgresDatabases,
  ) {}

  static async start(backend: Backend): Promise<LetterStage> {
    const server = backend === 'PostgreSQL' ? await openPostgres() : undefined;
    const variables = {
      DEAD_LETTER_REDELIVERY_MAX: '3',
      DEAD_LETTER_REDELIVERY_SPACING_MS: String(SPACING_MS),
      ...(server && { DATABASE_URL: await server.newPreparedDatabase() }),
    };
    const running = await startOperatorsApp(variables);
    const database = running.app.get(Database);
    await database.open();
    const admin = await running.token({ sub: 'olga', role: 'admin' });
    return new LetterStage(running, database, admin, server);
  }

  get replicas(): Replicas {
    return this.running.app.get(Replicas);
  }

  get circuits(): CircuitBreakers {
    return this.running.app.get(CircuitBreakers);
  }

  async clear(): Promise<void> {
    await this.database.query('DELETE FROM ingester.uploads');
    await this.database.query('DELETE FROM ingester.audit');
  }

  async close(): Promise<void> {
    await this.running.close();
    await this.server?.dispose();
  }

  seed(options?: LetterOptions): Promise<SeededLetter> {
    return seedLetter(this.database, this.running.dataDir, options);
  }

  call(method: 'get' | 'post' | 'delete', path = '', token = this.admin): Test {
    return request(this.running.url)[method](`/api/v1/dead-letters${path}`).auth(token, { type: 'bearer' });
  }

  /** Reads another list of operators. */
  read(path: string, token = this.admin): Test {
    return request(this.running.url).get(`/api/v1/${path}`).auth(token, { type: 'bearer' });
  }

  /** The ids that the list has under a query. */
  async idsOf(query: string): Promise<string[]> {
    const { status, body } = await this.call('get', query);
    if (status !== 200) throw new Error(`${query} is answered with ${status}`);
    return body.items.map(({ id }: { id: string }) => id);
  }

  /** Tasks that are due now, as workers would claim them. */
  due(): Promise<object[]> {
    return this.database.query(
      `SELECT task_id, lane FROM ingester.tasks WHERE state = 'waiting' AND due_at <= ingester.now_ms()`,
    );
  }

  /** The row of an id. */
  async stateOf(table: 'tasks' | 'uploads', id: string): Promise<Record<string, unknown>> {
    const column = table === 'tasks' ? 'task_id' : 'upload_id';
    const [row] = await this.database.query<Record<string, unknown>>(
      `SELECT * FROM ingester.${table} WHERE ${column} = $1`,
      [id],
    );
    return row ?? {};
  }
}

/** Runs the tests on both databases; the stage is there during a test. */
export function onBothDatabases(tests: (given: () => LetterStage) => void): void {
  describeOn('SQLite', tests);
  describeOn('PostgreSQL', tests);
}

function describeOn(backend: Backend, tests: (given: () => LetterStage) => void): void {
  describe(`dead letters on ${backend}`, () => {
    let stage: LetterStage | undefined;
    const given = (): LetterStage => {
      if (!stage) throw new Error('the stage is there only during a test');
      return stage;
    };

    beforeAll(async () => {
      stage = await LetterStage.start(backend);
    }, 60_000);
    beforeEach(() => given().clear());
    afterAll(() => stage?.close());

    tests(given);
  });
}
