import { ServiceError } from '../../errors/service-error.js';

/** What was kept is not what was promised: no retry can mend it, and no storage element is to blame. */
export class SpoolDamaged extends ServiceError {
  /** For dead letters. */
  readonly reason = 'spool_damaged';

  constructor(detail: string, cause?: unknown) {
    super('DIGEST_MISMATCH', detail, { cause });
  }
}

/** The kept file is not there: its folder may be missing, as a volume that is not mounted, and come back. */
export class SpoolFileMissing extends ServiceError {
  /** For dead letters. */
  readonly reason = 'spool_file_missing';

  constructor(cause?: unknown) {
    super('INTERNAL_ERROR', 'The kept file is missing.', { cause });
  }
}
