import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';

const CHANNEL = 'ingester_tasks';

/** Other processes are told this often at most, each time of all lanes that have something new. */
const TELL_EVERY_MS = 50;

/**
 * Tells workers that a lane may have something for them. What is lost of it, they find a little later by themselves: the
 * rows are the queue.
 */
@Injectable()
export class WakeUps {
  private readonly listeners: ((lane: string) => void)[] = [];
  private readonly untold = new Set<string>();
  private telling = false;

  constructor(private readonly database: Database) {
    database.listen(CHANNEL, (message) => {
      for (const lane of message.split(' ')) this.hear(lane);
    });
  }

  /** Has `listener` called when a task may be due that was committed here or, as far as that is heard, elsewhere. */
  onWake(listener: (lane: string) => void): void {
    this.listeners.push(listener);
  }

  /** Tasks of these lanes are committed, and due. */
  wake(lanes: Iterable<string>): void {
    for (const lane of lanes) {
      this.hear(lane);
      this.untold.add(lane);
    }
    if (this.telling || this.untold.size === 0) return;
    this.telling = true;
    setTimeout(() => {
      this.telling = false;
      this.database.notify(CHANNEL, [...this.untold].join(' '));
      this.untold.clear();
    }, TELL_EVERY_MS).unref();
  }

  private hear(lane: string): void {
    for (const listener of this.listeners) listener(lane);
  }
}
