import { ServiceError } from '../../errors/service-error.js';

/** What was kept is not what was promised: no retry can mend it, and no storage element is to blame. */
export class SpoolDamaged extends ServiceError {
  /** For dead letters. */
  readonly reason = 'spool_damaged';

  constructor(detail: string, cause?: unknown) {
    super('DIGEST_MISMATCH', detail, { cause });
  }
}
