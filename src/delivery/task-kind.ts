/** `removal`: of what elements have of a stored file besides, although they did not say so. */
export const TASK_KINDS = ['delivery', 'registration', 'removal'] as const;

/** What is to be done for an upload. */
export type TaskKind = (typeof TASK_KINDS)[number];
