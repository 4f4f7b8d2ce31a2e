import { Injectable } from '@nestjs/common';
import { RegistrationWork } from '../registration/registration-work.service.js';
import { RemovalWork } from '../removal/removal-work.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import { DeliveryWork } from './delivery-work.service.js';
import type { HeldTask } from './held-task.js';

/** What there is to be done for each kind of task. */
@Injectable()
export class TaskWork {
  constructor(
    private readonly deliveries: DeliveryWork,
    private readonly registrations: RegistrationWork,
    private readonly removals: RemovalWork,
  ) {}

  /** Tries once. @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it. */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    const { kind } = held.claimed.task;
    switch (kind) {
      case 'registration':
        return this.registrations.attempt(held);
      case 'removal':
        return this.removals.attempt(held);
      case 'delivery':
        return this.deliveries.attempt(held);
      default:
        return kind satisfies never;
    }
  }
}
