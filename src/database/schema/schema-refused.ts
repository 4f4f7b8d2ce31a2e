import { ServiceError } from '../../errors/service-error.js';

/** The database has tables of another version, which this one would misread. Nothing in it was changed. */
export class SchemaRefused extends ServiceError {
  constructor(where: string) {
    super('QUEUE_UNAVAILABLE', 'Files cannot be accepted for later delivery now.', {
      cause: new Error(
        `${where} has the tables of another version of Ingester; deliver what it holds with that version, and give this one an empty database`,
      ),
    });
  }
}
