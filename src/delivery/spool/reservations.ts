/** Room for one upload that may have to be kept. */
export interface Reservation {
  readonly bytes: number;
  /** Bytes of the upload that have come by now. */
  readonly receivedBytes: number;
  /** Nobody has said how many bytes come: the room grows with them. */
  readonly grows: boolean;
}

/** The room of all uploads that may have to be kept and are not kept yet, by the ids of the uploads. */
export class Reservations {
  readonly #held = new Map<string, Reservation>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of reserved room that are written already. What is still in memory counts as written: that is little. */
  get writtenBytes(): number {
    let sum = 0;
    for (const { bytes, receivedBytes } of this.#held.values()) sum += Math.min(bytes, receivedBytes);
    return sum;
  }

  of(uploadId: string): Reservation | undefined {
    return this.#held.get(uploadId);
  }

  /** Replaces what the upload has. */
  put(uploadId: string, reservation: Reservation): void {
    this.release(uploadId);
    this.#held.set(uploadId, reservation);
    this.#bytes += reservation.bytes;
  }

  /** Harmless when repeated. */
  release(uploadId: string): void {
    this.#bytes -= this.#held.get(uploadId)?.bytes ?? 0;
    this.#held.delete(uploadId);
  }
}
