const CHECKPOINT_MS = 60_000;
const CHECKPOINTS_A_VACUUM = 60;

/**
 * Does what a server has processes for and PGlite does not: without checkpoints its log grows for as long as it runs,
 * and the next start reads all of it; without vacuum, the rows of jobs that are done stay. Returns what stops it.
 */
export function startUpkeep(run: (statement: string) => Promise<unknown>): () => void {
  let checkpoints = 0;
  const timer = setInterval(() => {
    checkpoints += 1;
    const statement = checkpoints % CHECKPOINTS_A_VACUUM === 0 ? 'VACUUM (ANALYZE)' : 'CHECKPOINT';
    // What stands in its way stands in the way of everybody, and is told them.
    run(statement).catch(() => undefined);
  }, CHECKPOINT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
