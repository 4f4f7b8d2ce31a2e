/**
 * Has this process answer each message of its parent with what `measure` gives for it, or with {error}; says {ready} first,
 * and ends with its parent.
 */
export function answerJobs(measure) {
  process.on('message', (job) => {
    measure(job).then(
      (result) => process.send(result),
      (error) => process.send({ error: String(error?.stack ?? error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ ready: true });
}
