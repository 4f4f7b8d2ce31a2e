import type { Stats } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomHex } from '../../observability/random-ids.js';
import { errorCode } from '../../errors/error-code.js';
import { makeFolder, syncFolder } from '../../body/durable-folder.js';
import { replaceFile, syncFile } from '../../body/durable-file.js';
import { giveSecondName } from '../../body/second-name.js';
import { isMissing } from '../../body/spool-failure.js';
import { type Extent, extentsOf, segmentFileName, segmentOf, type SegmentName } from './extents.js';
import { endedFrom, endedText } from './ended-upload.js';
import { endFrom, endText, outranks, type UploadEnd } from './upload-end.js';
import { infoFrom, infoText, type UploadInfo } from './upload-info.js';

/*
 * An upload that is not complete is a folder, `<spool>/uploads/<id>`: the disk is the truth, and no database knows of it.
 *   info    what it is; written once, when it is created
 *   length  its bytes, where they were declared later
 *   *.seg   its bytes (extents.ts); `*.staged` are some that must be checked before they count
 *   end     how it came to its end; replaces all bytes
 * One that ended before anybody was told of it is a file of that name instead, with `info` and `end` in it (ended-upload.ts).
 */
const INFO = 'info';
const LENGTH = 'length';
const END = 'end';

/** What the disk says of an upload. */
export interface UploadOnDisk {
  readonly info: UploadInfo;
  readonly length: number | undefined;
  readonly extents: readonly Extent[];
  /** Of all files of bytes, also of those that count for nothing; 0 where there is none. */
  readonly highestEpoch: number;
  readonly end: UploadEnd | undefined;
  /** When bytes came last, or it was created or ended, by the clock of the file system. */
  readonly touchedAtMs: number;
}

/** The folder of one upload. */
export class UploadFolder {
  readonly path: string;

  constructor(
    private readonly root: string,
    uploadId: string,
  ) {
    this.path = join(root, uploadId);
  }

  /** Makes it. What a crash leaves of it is not found by anybody, and nobody was told of it. @throws Error of the file system */
  async create(info: UploadInfo): Promise<void> {
    await this.make(() => mkdir(this.path, { mode: 0o700 }));
    await writeFile(this.pathOf(INFO), infoText(info), { flag: 'wx', mode: 0o600 });
  }

  /** Makes a file of one that has ended, instead of a folder. @throws Error of the file system, EEXIST where there is one */
  async createEnded(info: UploadInfo, end: UploadEnd): Promise<void> {
    await this.make(() => writeFile(this.path, endedText(info, end), { flag: 'wx', mode: 0o600 }));
  }

  /** Is there none yet? It may be that of another process. @throws Error of the file system */
  async exists(): Promise<boolean> {
    return (await this.text(INFO)) !== undefined;
  }

  /** What is there; undefined where there is no such upload. @throws Error of the file system, and for what is not ours */
  async look(sizeOf = seenSize): Promise<UploadOnDisk | undefined> {
    const info = await this.text(INFO);
    if (!info) return this.lookEnded();
    const segments = await this.segments(await readdir(this.path), sizeOf);
    // After the bytes, which are removed once it is there.
    const [length, end] = await Promise.all([this.text(LENGTH), this.text(END)]);
    const touched = await stat(this.pathOf(end === undefined ? INFO : END));
    const parsed = infoFrom(info);
    return {
      info: parsed,
      length: length === undefined ? parsed.length : Number(length),
      extents: extentsOf(segments),
      highestEpoch: Math.max(0, ...segments.map(({ epoch }) => epoch)),
      end: end === undefined ? undefined : endFrom(end),
      touchedAtMs: Math.max(touched.mtimeMs, ...segments.map(({ touchedAtMs }) => touchedAtMs)),
    };
  }

  /** What it is; undefined where there is no such upload. @throws Error of the file system, and for what is not ours */
  async info(): Promise<UploadInfo | undefined> {
    const text = await this.text(INFO);
    return text ? infoFrom(text) : undefined;
  }

  /** Writes its length down, durably. @throws Error of the file system */
  saveLength(length: number): Promise<void> {
    return replaceFile(this.pathOf(LENGTH), String(length));
  }

  /**
   * Writes down how it ended, and gives the end that holds: another process may have written one first.
   * @throws Error of the file system
   */
  async saveEnd(end: UploadEnd, info: UploadInfo): Promise<UploadEnd> {
    const aside = this.pathOf(`${END}.${randomHex(4)}.new`);
    try {
      await writeFile(aside, endText(end), { mode: 0o600 });
    } catch (error) {
      if (isOfFile(error)) return this.saveEndOfFile(end, info);
      throw error;
    }
    const isFirst = await giveSecondName(aside, this.pathOf(END));
    const before = isFirst ? undefined : endFrom((await this.text(END)) ?? '');
    const holds = !before || outranks(end, before);
    if (!isFirst && holds) await rename(aside, this.pathOf(END));
    else await rm(aside);
    return holds ? end : before;
  }

  /** Makes the end durable, and removes the bytes: in this order, as an upload without both would look like a new one. */
  async dropBytes(): Promise<void> {
    if (!(await stat(this.path)).isDirectory()) return;
    await syncFile(this.pathOf(END));
    await syncFolder(this.path);
    const names = (await readdir(this.path)).filter((name) => /\.(seg|staged)$/.test(name));
    await Promise.all(names.map((name) => rm(this.pathOf(name), { force: true })));
  }

  /** Removes all bytes. @throws Error of the file system */
  async dropSegments(): Promise<void> {
    const names = (await readdir(this.path)).filter((name) => segmentOf(name));
    await Promise.all(names.map((name) => rm(this.pathOf(name), { force: true })));
  }

  /** Removes bytes that were not checked: nobody was told that they count. @throws Error of the file system */
  async dropStaged(): Promise<void> {
    const names = (await readdir(this.path)).filter((name) => name.endsWith('.staged'));
    await Promise.all(names.map((name) => rm(this.pathOf(name), { force: true })));
  }

  /** Says that somebody is at work on it: it is not given up, nor taken over, soon. @throws Error of the file system */
  async touch(): Promise<void> {
    const now = new Date();
    await utimes(this.pathOf(INFO), now, now);
  }

  /** Makes durable what it is, the names in it, and its own. @throws Error of the file system */
  async sync(): Promise<void> {
    await syncFile(this.pathOf(INFO));
    await Promise.all([syncFolder(this.path), syncFolder(this.root)]);
  }

  /** @throws Error of the file system */
  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  segmentPath(segment: SegmentName): string {
    return this.pathOf(segmentFileName(segment));
  }

  stagedPath({ epoch, start }: SegmentName): string {
    return this.pathOf(`${epoch}-${start}.staged`);
  }

  /** Calls what makes the folder or file; makes the one above where that is missing, and removes what a crash has left in its place. */
  private async make(create: () => Promise<unknown>): Promise<void> {
    try {
      await create();
    } catch (error) {
      if (isMissing(error)) await makeFolder(this.root);
      else if (errorCode(error) !== 'EEXIST' || !(await this.isTorn())) throw error;
      else await rm(this.path);
      await create();
    }
  }

  /** Is it a file that says nothing, as a power cut may leave? */
  private async isTorn(): Promise<boolean> {
    const text = await this.endedText();
    return text !== undefined && !endedFrom(text);
  }

  private async saveEndOfFile(end: UploadEnd, info: UploadInfo): Promise<UploadEnd> {
    const before = await this.lookEnded();
    if (before?.end && !outranks(end, before.end)) return before.end;
    await writeFile(this.path, endedText(info, end));
    return end;
  }

  private async lookEnded(): Promise<UploadOnDisk | undefined> {
    const ended = endedFrom((await this.endedText()) ?? '');
    if (!ended) return undefined;
    const { info, end } = ended;
    const { mtimeMs: touchedAtMs } = await stat(this.path);
    return { info, length: info.length, extents: [], highestEpoch: 0, end, touchedAtMs };
  }

  /** Undefined where it is a folder, or there is nothing. */
  private endedText(): Promise<string | undefined> {
    return readFile(this.path, 'utf8').catch((error: unknown) => {
      if (errorCode(error) === 'EISDIR') return undefined;
      return undefinedIfMissing(error);
    });
  }

  private pathOf(name: string): string {
    return join(this.path, name);
  }

  private async segments(names: readonly string[], sizeOf: typeof seenSize): Promise<SegmentOnDisk[]> {
    const found = await Promise.all(
      names.map(async (name) => {
        const segment = segmentOf(name);
        if (!segment) return undefined;
        const status = await sizeOf(this.pathOf(name)).catch(undefinedIfMissing);
        return status && { ...segment, size: status.size, touchedAtMs: status.mtimeMs };
      }),
    );
    return found.filter((segment) => segment !== undefined);
  }

  private text(name: string): Promise<string | undefined> {
    return readFile(this.pathOf(name), 'utf8').catch(undefinedIfMissing);
  }
}

/** What a name says, which on NFS may be some seconds old. */
function seenSize(path: string): Promise<Stats> {
  return stat(path);
}

/** What a file says that is opened for that: on NFS all that whoever had it before has synced (close-to-open consistency). */
export async function openedSize(path: string): Promise<Stats> {
  const file = await open(path, 'r');
  try {
    return await file.stat();
  } finally {
    await file.close();
  }
}

interface SegmentOnDisk extends SegmentName {
  readonly size: number;
  readonly touchedAtMs: number;
}

function undefinedIfMissing(error: unknown): undefined {
  if (isMissing(error) || isOfFile(error)) return undefined;
  throw error;
}

/** Is this what the file system says of a name in a folder that is a file? */
function isOfFile(error: unknown): boolean {
  return errorCode(error) === 'ENOTDIR';
}
