import { Injectable } from '@nestjs/common';
import { DeliveryDatabase } from './database/delivery-database.service.js';
import { DeliveryQueue } from './queue/delivery-queue.js';

/** Where promises are written down: the rows, and the queue that wakes those who keep them. */
@Injectable()
export class DeliveryStore {
  private readonly listeners: (() => void)[] = [];

  constructor(
    readonly database: DeliveryDatabase,
    readonly queue: DeliveryQueue,
  ) {}

  /** Has `listener` called when this process has committed a task that may be due. */
  onPublished(listener: () => void): void {
    this.listeners.push(listener);
  }

  published(): void {
    for (const listener of this.listeners) listener();
  }
}
