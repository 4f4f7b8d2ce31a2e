import { Injectable } from '@nestjs/common';
import { RegistrationWork } from '../registration/registration-work.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import { DeliveryWork } from './delivery-work.service.js';
import type { HeldTask } from './held-task.js';
import { UnaskedTargets } from './unasked-targets.service.js';

/** What there is to be done for each kind of task. */
@Injectable()
export class TaskWork {
  constructor(
    private readonly unasked: UnaskedTargets,
    private readonly deliveries: DeliveryWork,
    private readonly registrations: RegistrationWork,
  ) {}

  /** Tries once. @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it. */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    if (held.claimed.task.kind === 'registration') return this.registrations.attempt(held);
    await held.markDelivering();
    return (await this.unasked.resolve(held)) ?? this.deliveries.attempt(held);
  }
}
