/** An element that a file was sent to, and where it may be beside the one where it is known to be stored. */
export interface Placement {
  readonly target: string;
  /** May a file of its id have been there before, since the element could not be asked? That one is never removed. */
  readonly unverified: boolean;
  /**
   * When the element had the last byte, at the latest, in milliseconds by the clock of the database; 0 once it is done with
   * what it had. Null while it is being sent, which says nothing once its sender is gone.
   */
  readonly lastByteAt: number | null;
}

/** As an upload leaves it. */
export interface NewPlacement extends Pick<Placement, 'target' | 'unverified'> {
  /** Is the element done with what it was sent, so that what it says of it is true at once? */
  readonly answered: boolean;
}
