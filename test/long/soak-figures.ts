import { readdir, readFile } from 'node:fs/promises';

/** What a process holds at one moment; bytes, but for the descriptors. */
export interface SoakSample {
  readonly resident: number;
  /** Of the resident memory, what is of the process itself: heap, buffers, stacks. */
  readonly anonymous: number;
  /** Of the resident memory, files: the program, and what is mapped. */
  readonly mapped: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
  readonly descriptors: number;
}

/** Looks at the process `pid` that listens on `port`. */
export async function soakSample(pid: number, port: number): Promise<SoakSample> {
  const [status, descriptors, metrics] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'latin1'),
    readdir(`/proc/${pid}/fd`),
    fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text()),
  ]);
  const memory = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  const metric = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
  return {
    resident: memory('VmRSS'),
    anonymous: memory('RssAnon'),
    mapped: memory('RssFile'),
    heapUsed: metric('nodejs_heap_size_used_bytes'),
    heapTotal: metric('nodejs_heap_size_total_bytes'),
    external: metric('nodejs_external_memory_bytes'),
    descriptors: descriptors.length,
  };
}

export const FIGURES = [
  'resident',
  'anonymous',
  'mapped',
  'heapUsed',
  'heapTotal',
  'external',
  'descriptors',
] as const satisfies readonly (keyof SoakSample)[];

const MIB = 1024 * 1024;

/** Lowest and highest of the samples of a while, in MiB, in one line of a table. */
export function lineOf(minute: number, samples: readonly SoakSample[]): string {
  const cells = FIGURES.map((name) => {
    const [lowest, highest] = [Math.min, Math.max].map((choose) =>
      choose(...samples.map((each) => each[name])),
    );
    const unit = name === 'descriptors' ? 1 : MIB;
    return `${((lowest ?? 0) / unit).toFixed(0)}-${((highest ?? 0) / unit).toFixed(0)}`.padStart(12);
  });
  return `${String(minute).padStart(6)}${cells.join('')}`;
}

/** The lowest of a figure in the second and in the last third of a run; the first one is for warming up. */
export function floorsOf(samples: readonly SoakSample[], name: keyof SoakSample): [number, number] {
  const third = Math.floor(samples.length / 3);
  const floor = (part: readonly SoakSample[]): number => Math.min(...part.map((each) => each[name]));
  return [floor(samples.slice(third, 2 * third)), floor(samples.slice(2 * third))];
}
