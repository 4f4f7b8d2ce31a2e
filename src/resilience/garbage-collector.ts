import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * What a heap may grow before V8 marks it, in per cent. By itself it allows 10 MB to one that was idle for a while, and
 * the buffers of two uploads are more, as it counts them until the collection after the one that freed them.
 */
const HEAP_GROWTH_PERCENT = 40;

/**
 * A collection that finds nothing alive is done before another thread is awake, and freeing a few hundred buffers costs
 * less than to ask one for it.
 */
const COLLECT_ALONE = ['--no-parallel-scavenge', '--no-concurrent-array-buffer-sweeping'];

/** Has V8 collect what is young, or everything; it returns when that is done. */
export type Collector = (options: { readonly type: 'minor' | 'major' }) => void;

/** What `--expose-gc` gives to new contexts; an engine that has no such thing does without. */
export function collectorOfThisProcess(): Collector | undefined {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  for (const flag of COLLECT_ALONE) setFlagsFromString(flag);
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  return isCollector(collect) ? collect : undefined;
}

function isCollector(value: unknown): value is Collector {
  return typeof value === 'function';
}
