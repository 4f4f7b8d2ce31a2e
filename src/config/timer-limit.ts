/** Longest time that a timer of Node can wait, 24 days in milliseconds; one that is told to wait longer fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
