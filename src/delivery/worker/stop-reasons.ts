/*
 * Why we stop work of our own. They are no `ServiceError`s, because no caller ever hears of them, and a circuit takes
 * them for nobody's fault.
 */

/** The task is another's by now, or may be: nothing more is written or sent. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';

  constructor() {
    super('The task is not ours any more');
  }
}

/** The owner of the upload wants it no more. */
export class CancelRequested extends Error {
  override readonly name = 'CancelRequested';

  constructor() {
    super('The upload is cancelled');
  }
}
