const CHECKPOINT_MS = 60_000;
const CHECKPOINTS_A_VACUUM = 60;
/** These read and write far more than other statements. */
const CHECKPOINT_LIMIT_MS = 60_000;
const VACUUM_LIMIT_MS = 600_000;

/**
 * Does what a server has processes for and PGlite does not: without checkpoints its log grows for as long as it runs,
 * and the next start reads all of it; without vacuum, the rows of jobs that are done stay. Returns what stops it.
 */
export function startUpkeep(run: (statement: string, limitMs: number) => Promise<unknown>): () => void {
  let checkpoints = 0;
  const timer = setInterval(() => {
    checkpoints += 1;
    const done =
      checkpoints % CHECKPOINTS_A_VACUUM === 0
        ? run('VACUUM (ANALYZE)', VACUUM_LIMIT_MS)
        : run('CHECKPOINT', CHECKPOINT_LIMIT_MS);
    // What stands in its way stands in the way of everybody, and is told them.
    done.catch(() => undefined);
  }, CHECKPOINT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
