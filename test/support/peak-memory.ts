import { readFile } from 'node:fs/promises';
import type { ServiceProcess } from './service-process.js';

/** The most memory that a process had at any time, in bytes. */
export async function peakBytes({ child }: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
