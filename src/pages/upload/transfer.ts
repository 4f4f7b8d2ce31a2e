/** What the service says of a file. */
export interface Receipt {
  readonly upload_id: string;
  readonly status: 'receiving' | 'accepted' | 'delivering' | 'active' | 'dead' | 'cancelled' | 'expired';
  readonly checksum: string | null;
}

/** What the service has of a file that was taken back: its receipt, nothing for sure, or nothing so far. */
export type Remains = Receipt | 'nothing' | 'unknown';

/** What may be said of files beside their name and type, as the service calls it. */
export type UploadFields = Readonly<Record<string, string>>;

/** A file that is to be sent. */
export interface FileToSend {
  readonly file: File;
  readonly fields: UploadFields;
}

/** One try to send a file. */
export interface Attempt {
  readonly token: string;
  readonly signal: AbortSignal;
  /** So many bytes of the file are with the service, or on their way. */
  readonly onSent: (bytes: number) => void;
}

/** A way to send a file. It knows its upload again, however often it tries. */
export interface Transfer {
  /** Can it go on where it stopped? */
  readonly isResumable: boolean;
  /** Sends what the service does not have yet, and gives the receipt. @throws ApiError, DOMException when it is aborted */
  send(attempt: Attempt): Promise<Receipt>;
  /** Takes the upload back, and says what remains of it. @throws ApiError */
  remove(token: string, signal: AbortSignal): Promise<Remains>;
}

/** Headers of each request. */
export function authorization(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}
