import { ServiceError } from '../errors/service-error.js';

export interface GroupCommitOptions<Item, Result> {
  /** Most items of one transaction. */
  readonly maxItems: number;
  /** Most transactions at once. */
  readonly maxAtOnce: number;
  /** Does all of it in one transaction, or nothing; a result for each item, in their order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly settle: PromiseWithResolvers<Result>;
}

/**
 * Lets those who come while a transaction is under way share the next one: one commit, and one wait for the disk, for all
 * of them. Nobody waits for others to come.
 */
export class GroupCommit<Item, Result> {
  #waiting: Waiting<Item, Result>[] = [];
  #underWay = 0;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {}

  /** @throws what `commit` throws of this item alone, or of the whole group where the database failed */
  add(item: Item): Promise<Result> {
    const settle = Promise.withResolvers<Result>();
    this.#waiting.push({ item, settle });
    this.#begin();
    return settle.promise;
  }

  #begin(): void {
    const { maxAtOnce, maxItems } = this.options;
    while (this.#underWay < maxAtOnce && this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, maxItems);
      this.#underWay += 1;
      void this.#run(group).finally(() => {
        this.#underWay -= 1;
        this.#begin();
      });
    }
  }

  async #run(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.options.commit(group.map(({ item }) => item));
      for (const [index, { settle }] of group.entries()) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one for each item, it may be undefined
        settle.resolve(results[index] as Result);
      }
    } catch (error) {
      if (group.length === 1 || error instanceof ServiceError)
        for (const { settle } of group) settle.reject(error);
      // One of them is to blame, and the others are not to suffer for it.
      else for (const each of group) await this.#run([each]);
    }
  }
}
