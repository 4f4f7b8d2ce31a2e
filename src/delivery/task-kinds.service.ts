import { Injectable } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { DeliverySettings } from './delivery-settings.service.js';
import type { AttemptOutcome } from './worker/attempt-outcome.js';
import type { HeldTask } from './worker/held-task.js';

/** What is to be done for an upload. A provider that adds itself to `TaskKinds` when it is made. */
export interface TaskKind {
  /** What rows call it. */
  readonly name: string;
  /** The lanes in which its tasks wait, and how many tasks of each are worked on at once. */
  readonly lanes: Readonly<Record<string, number>>;
  /** How one is counted that was done: a label of metrics. */
  readonly doneAs: string;
  /** Does it need the file in the spool? Then only a process that has that spool works on it. */
  readonly needsFile: boolean;
  /** Is it about where the file may be? Then it has, and changes, the placements of its upload. */
  readonly reconciles: boolean;
  /** Does every upload get such a task when its file is stored? It waits in a lane of its name. */
  readonly followsStored: boolean;
  /** Tries once. @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it. */
  attempt(held: HeldTask): Promise<AttemptOutcome>;
}

/** The kinds of tasks that this process works on. Tasks of others wait for one that knows them. */
@Injectable()
export class TaskKinds {
  private readonly kinds = new Map<string, TaskKind>();
  /** How many tasks of a lane are worked on at once: of small files, or of no file at all; of large ones. */
  readonly concurrency: DeliverySettings['concurrency'];

  constructor({ concurrency }: DeliverySettings) {
    this.concurrency = concurrency;
  }

  add(kind: TaskKind): void {
    if (this.kinds.has(kind.name)) throw new Error(`There are two kinds of tasks called ${kind.name}`);
    this.kinds.set(kind.name, kind);
  }

  /** @throws Error where there is none of the name */
  get(name: string): TaskKind {
    const kind = this.kinds.get(name);
    if (!kind) throw new Error(`Tasks of the kind ${name} are not known here`);
    return kind;
  }

  /** All lanes, with how many tasks of each are worked on at once. */
  get lanes(): ReadonlyMap<string, number> {
    return new Map([...this.kinds.values()].flatMap(({ lanes }) => Object.entries(lanes)));
  }

  /** All lanes, with the kind whose tasks wait there. */
  get allLanes(): readonly { readonly kind: string; readonly lane: string }[] {
    return [...this.kinds.values()].flatMap(({ name: kind, lanes }) =>
      Object.keys(lanes).map((lane) => ({ kind, lane })),
    );
  }

  /** Do tasks of a lane need the file in the spool? */
  needsFile(lane: string): boolean {
    return [...this.kinds.values()].some((kind) => kind.needsFile && lane in kind.lanes);
  }

  /** The names of those that every stored file gets a task of. */
  get following(): readonly string[] {
    return [...this.kinds.values()].filter(({ followsStored }) => followsStored).map(({ name }) => name);
  }

  /** @throws VALIDATION_ERROR for a name that somebody asks for, and no kind has */
  refuseUnknown(name: string | undefined): void {
    if (name === undefined || this.kinds.has(name)) return;
    const names = [...this.kinds.keys()].toSorted().join(', ');
    const message = `kind must be one of ${names}`;
    throw new ServiceError('VALIDATION_ERROR', `${message}.`, { fields: [{ field: 'kind', message }] });
  }
}
