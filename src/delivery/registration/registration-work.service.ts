import { Injectable } from '@nestjs/common';
import { abortable } from '../../outbound/abortable.js';
import { ADMIN_CODES } from '../../outbound/classify-failure.js';
import { ServiceTokens } from '../../service-tokens/service-tokens.service.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { type TaskKind, TaskKinds } from '../task-kinds.service.js';
import { attemptResult } from '../worker/attempt-account.js';
import type { AttemptOutcome } from '../worker/attempt-outcome.js';
import type { HeldTask } from '../worker/held-task.js';
import { outcomeOfFailure } from '../worker/task-failure.js';
import type { UploadRecord } from '../upload-record.js';
import { ADMIN, AdminModuleClient } from './admin-module-client.service.js';
import type { Registration } from './registration-body.js';

/** Of the name that an element has as a target. */
const ELEMENT_PREFIX = /^storage:/;

/** Registers one stored file at the Admin module. */
@Injectable()
export class RegistrationWork implements TaskKind {
  readonly name = 'registration';
  readonly lanes: Readonly<Record<string, number>>;
  readonly doneAs = 'registered';
  readonly needsFile = false;
  readonly reconciles = false;
  /** Where there is an Admin module. */
  readonly followsStored: boolean;

  constructor(
    private readonly admin: AdminModuleClient,
    private readonly tokens: ServiceTokens,
    { registers }: DeliverySettings,
    kinds: TaskKinds,
  ) {
    this.lanes = { registration: kinds.concurrency.small };
    this.followsStored = registers;
    kinds.add(this);
  }

  /** Tries once. @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it. */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    try {
      return await this.register(held);
    } catch (error) {
      return outcomeOfFailure(held, error, ADMIN_CODES);
    }
  }

  private async register(held: HeldTask): Promise<AttemptOutcome> {
    held.candidates = [ADMIN];
    const registration = registrationOf(held.claimed.upload);
    let token: string | undefined;
    try {
      token = await abortable(held.signal, this.tokens.token());
    } catch (error) {
      // Its code is that of the Admin module too, which was not asked.
      return outcomeOfFailure(held, error, []);
    }
    await this.admin.register({
      targets: [ADMIN],
      signal: held.signal,
      registration,
      token,
      begins: () => held.beginAttempt(ADMIN),
      failed: (error) => held.endAttempt(attemptResult(error)),
    });
    held.endAttempt({ outcome: 'registered', code: null, statusCode: null, detail: null });
    return { kind: 'succeeded' };
  }
}

function registrationOf({ uploadId, file, digest, fileId, storedAt }: UploadRecord): Registration {
  if (fileId === null || storedAt === null) throw new Error(`Upload ${uploadId} is not stored yet`);
  return { file, digest, fileId, elementId: storedAt.replace(ELEMENT_PREFIX, '') };
}
