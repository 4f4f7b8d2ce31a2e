import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import type { SqlValue } from '../../src/database/sql.js';
import { eventually } from '../support/eventually.js';
import type { Later } from '../support/side-by-side.js';
import type { UploadFault } from '../support/storage-element-server.js';
import {
  type AcceptingService,
  EMBEDDED,
  type Json,
  onPostgres,
  startAccepting,
} from '../support/accepted-service.js';

/** The row of a task, as far as tests look at it. */
export interface TaskState {
  readonly task_id: string;
  readonly state: string;
  readonly phase: string;
  readonly target: string | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly due_at: number;
  readonly lease_owner: string | null;
  readonly doubt_since: number | null;
  /** Where its file may be, although nobody said so: where it was sent. */
  readonly doubtful_targets: readonly string[];
}

/** The answer of an element that has certainly not kept the file; after most others one has to ask. */
const FULL: UploadFault = { kind: 'answer', status: 507 };

/** A service whose element is full, and what is written down of its deliveries. */
export interface DeliveryStage extends AcceptingService {
  /** Has a file accepted, and gives the id of its upload. */
  accept(bytes?: Buffer, headers?: Record<string, string>): Promise<string>;
  query<Row extends object>(text: string, ...values: SqlValue[]): Promise<Row[]>;
  task(uploadId: string): Promise<TaskState>;
  /** The task, once it is so. */
  untilTask(uploadId: string, expected: object): Promise<TaskState>;
  /** What is written down of the attempts to deliver an upload, oldest first. */
  history(uploadId: string): Promise<Json[]>;
  /** Types of the events of an upload, oldest first. */
  events(uploadId: string): Promise<string[]>;
  /** Starts the service anew, on the same element and the same data, after its application was closed. */
  reopen(): Promise<DeliveryStage>;
  /** Where the bytes of an accepted file lie. */
  spoolPath(uploadId: string): string;
}

/** What it starts is closed `later`: where that is not given, after the test. */
export type Start = (variables?: Record<string, string>, later?: Later) => Promise<DeliveryStage>;

/** Describes what is the same with both databases, and is shown with SQLite: the contracts are held with both. */
export function describeDelivery(name: string, define: (start: Start) => void): void {
  describeOn('SQLite', name, define);
}

/** The same with both, for a few stories. */
export function describeDeliveryOnBoth(name: string, define: (start: Start) => void): void {
  describeOn('SQLite', name, define);
  describeOn('PostgreSQL', name, define);
}

/** What only a server shows. */
export function describeDeliveryOnPostgres(name: string, define: (start: Start) => void): void {
  describeOn('PostgreSQL', name, define);
}

function describeOn(backend: 'SQLite' | 'PostgreSQL', name: string, define: (start: Start) => void): void {
  describe(`${name} with ${backend}`, () => {
    const opened: (() => Promise<unknown>)[] = [];
    const afterTest: Later = (close) => opened.push(close);

    afterEach(async () => {
      // A stage that was reopened has the folder of the one before it, and may be writing there until it is closed.
      for (const close of opened.splice(0).toReversed()) await close();
    });

    define(async (variables = {}, later = afterTest) => {
      const database = backend === 'PostgreSQL' ? await onPostgres() : EMBEDDED;
      return startStage({ ...database, ...variables }, later);
    });
  });
}

async function startStage(variables: Record<string, string>, later: Later): Promise<DeliveryStage> {
  const service = await startAccepting({ SHUTDOWN_GRACE_MS: '0', ...variables });
  const stage = stageOf(service, () =>
    startStage(
      {
        ...variables,
        DATA_DIR: service.running.dataDir,
        STORAGE_ELEMENTS: elementsOf(service.element.url),
      },
      later,
    ),
  );
  stage.element.options.fault = FULL;
  later(() => stage.close());
  return stage;
}

/** The configuration of elements for temporary files, the preferred one first. */
export function elementsOf(...urls: string[]): string {
  return JSON.stringify(
    urls.map((url, index) => ({
      id: `se-${index + 1}`,
      driver: 'http',
      url,
      mode: 'edit',
      priority: index,
    })),
  );
}

/** Where the file of an upload lies; where there is none, nothing does. */
function acceptedPath(dataDir: string, uploadId: string): string {
  const folder = join(dataDir, 'spool', 'accepted');
  const name = readdirSync(folder).find((each) => each.startsWith(uploadId));
  return join(folder, name ?? `nothing-of-${uploadId}`);
}

function stageOf(service: AcceptingService, reopen: () => Promise<DeliveryStage>): DeliveryStage {
  const query: DeliveryStage['query'] = (text, ...values) => {
    return service.running.app.get(Database, { strict: false }).query(text, values);
  };
  const task: DeliveryStage['task'] = async (uploadId) => {
    const [found] = await query<TaskState>(
      `SELECT * FROM ingester.tasks WHERE upload_id = $1 AND kind = 'delivery'`,
      uploadId,
    );
    if (!found) throw new Error(`there is no task of ${uploadId}`);
    const placed = await query<{ target: string }>(
      'SELECT target FROM ingester.placements WHERE upload_id = $1 ORDER BY target',
      uploadId,
    );
    return { ...found, doubtful_targets: placed.map(({ target }) => target) };
  };
  return {
    ...service,
    reopen,
    query,
    task,
    accept: async (bytes = randomBytes(1_000), headers = {}) => {
      const answer = await service.post(bytes, headers);
      const receipt = (await answer.json()) as Json;
      if (answer.status !== 202) throw new Error(`not accepted: ${JSON.stringify(receipt)}`);
      return String(receipt.upload_id);
    },
    untilTask: async (uploadId, expected) => {
      await eventually(async () => expect(await task(uploadId)).toMatchObject(expected));
      return task(uploadId);
    },
    history: (uploadId) =>
      query(
        `SELECT attempts.number, attempts.target, outcome, code, status_code FROM ingester.attempts
        JOIN ingester.tasks ON tasks.task_id = attempts.task_id WHERE upload_id = $1 ORDER BY attempt_id`,
        uploadId,
      ),
    events: async (uploadId) => {
      const rows = await query<{ type: string }>(
        'SELECT type FROM ingester.events WHERE upload_id = $1 ORDER BY revision',
        uploadId,
      );
      return rows.map(({ type }) => type);
    },
    spoolPath: (uploadId) => acceptedPath(service.running.dataDir, uploadId),
  };
}
