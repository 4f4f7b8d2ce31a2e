import { open } from 'node:fs/promises';
import type { Extent } from './extents.js';

/** The first `bytes` bytes that lie in files, or all where there are fewer. @throws Error of the file system */
export async function readExtents(
  extents: readonly Extent[],
  pathOf: (extent: Extent) => string,
  bytes: number,
): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for (const extent of extents) {
    if (extent.start >= bytes) break;
    const length = Math.min(bytes, extent.end) - extent.start;
    if (length > 0) blocks.push(await beginningOf(pathOf(extent), length));
  }
  return blocks;
}

async function beginningOf(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const block = Buffer.allocUnsafeSlow(bytes);
    const { bytesRead } = await file.read(block, 0, bytes, 0);
    return block.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
