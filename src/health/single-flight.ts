/**
 * Lets callers that come while `work` is under way share its result. Readiness is open to everyone; however often
 * it is asked for, what it depends on sees one question at a time.
 */
export function singleFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    underWay ??= work().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}
