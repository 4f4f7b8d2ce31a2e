import type { FileSink } from '../../ingest/upload-source.js';

/** Where the body of a request goes that can have no bytes; one that has some is refused with `refusal`. */
export function noMoreBytes(refusal: () => Error): FileSink {
  return {
    backPressure: undefined,
    write: (chunk) => {
      if (chunk.length > 0) throw refusal();
    },
    end: () => Promise.resolve(),
  };
}
