import { count, failureThreshold, milliseconds } from './variables.js';

/** Of a dependency that is asked by each request or task on its own account. */
const DEFAULT_CALLS = 8;

/** By the name of the variable after its prefix. */
function blockFor(who: string, maxCalls: number) {
  return {
    MAX_CALLS: count(
      `Most calls to ${who} at once, each over a connection of its own; as many again wait for their turn.`,
      'calls',
      maxCalls,
      1,
    ),
    CONNECT_TIMEOUT_MS: milliseconds(`Time to connect to ${who}.`, 3_000),
    TIMEOUT_MS: milliseconds(`Time ${who} has to answer one attempt, connecting included.`, 5_000),
    DEADLINE_MS: milliseconds(
      `Time that a call to ${who} has in all, attempts and waiting included; nobody waits longer for it.`,
      10_000,
    ),
    RETRY_ATTEMPTS: count(`Attempts of one call to ${who}, the first included.`, 'attempts', 3, 1),
    RETRY_BASE_MS: milliseconds(
      'Longest wait before the second attempt; it doubles with each further one.',
      1_000,
    ),
    RETRY_MAX_MS: milliseconds(
      `Longest wait between two attempts; where ${who} asks for more, it is not waited for.`,
      10_000,
    ),
    CIRCUIT_FAILURE_THRESHOLD: failureThreshold(
      `Failures within the window that open the circuit of ${who}.`,
    ),
    CIRCUIT_FAILURE_WINDOW_MS: milliseconds('Time for which a failure counts.', 60_000),
    CIRCUIT_SUCCESS_THRESHOLD: count(
      'Successes that close a half-open circuit, and calls that it admits.',
      'successes',
      2,
      1,
    ),
    CIRCUIT_RECOVERY_MS: milliseconds(
      'Time from the opening of the circuit to the first call that tries again, give or take 10 %.',
      30_000,
    ),
    CIRCUIT_MAX_RECOVERY_MS: milliseconds(
      'Each try that fails doubles the recovery time up to this. Not above it: no doubling, since nothing stands in.',
      30_000,
    ),
  };
}

type Block = ReturnType<typeof blockFor>;

/** What a variable of a block is called after its prefix. */
export type BlockVariable = keyof Block;

/** The prefixes under which `Variables` has a block. */
export type BlockPrefixIn<Variables> = keyof Variables extends infer Name
  ? Name extends `${infer Prefix}_DEADLINE_MS`
    ? Prefix
    : never
  : never;

/**
 * The configuration block of a dependency that nothing can stand in for: its bulkhead, timeouts, retries and circuit,
 * with the same defaults for each, but for `maxCalls`. `who` is how the texts call it.
 */
export function outboundBlock<Prefix extends string>(
  prefix: Prefix,
  who: string,
  maxCalls?: number,
): { [Name in BlockVariable as `${Prefix}_${Name}`]: Block[Name] };
export function outboundBlock(
  prefix: string,
  who: string,
  maxCalls = DEFAULT_CALLS,
): Record<string, Block[BlockVariable]> {
  return Object.fromEntries(
    Object.entries(blockFor(who, maxCalls)).map(([name, variable]) => [`${prefix}_${name}`, variable]),
  );
}
