import { randomBytes, randomInt } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** An upload as its client knows it. */
interface KnownUpload {
  readonly bytes: Buffer;
  readonly location: string;
  /** The highest offset that was told, in any answer. */
  told: number;
}

const MOST_BYTES = 2_000_000;
const LARGEST_PIECE = 400_000;
/** These need no file of their own while they are under way. */
const SMALL_BYTES = 64 * 1024;
const OCTETS = { 'Content-Type': 'application/offset+octet-stream' };
const AFTER_OUTAGE_MS = 100;
const LAST_COMPLETION_MS = 60_000;

/** Clients that upload files in pieces of any size, leave in the middle of some, and never give up. */
export class ResumableClients {
  /** What was found that must not be: offsets that fell, answers that no client expects. */
  readonly findings: string[] = [];
  readonly completed: KnownUpload[] = [];
  /** Requests that were cut, by us or by a kill. */
  cuts = 0;
  #isOver = false;
  #isGivenUp = false;
  /** Those that are not complete. */
  readonly #open = new Set<KnownUpload>();
  /** The last answer of each of them. */
  readonly #pending = new Map<string, string>();
  readonly #clients: Promise<void>[];

  constructor(
    private readonly token: string,
    private readonly anyOrigin: () => string,
    count: number,
  ) {
    this.#clients = Array.from({ length: count }, () => this.#run());
  }

  /** Is there an upload of which some bytes were told, and not all? */
  get areUnderWay(): boolean {
    return [...this.#open].some(({ told, bytes }) => told > 0 && told < bytes.length);
  }

  /** Lets each client finish what it has begun. @throws Error where one cannot */
  async finish(): Promise<void> {
    this.#isOver = true;
    const late = new AbortController();
    const isLate = sleep(LAST_COMPLETION_MS, undefined, { signal: late.signal }).then(() => {
      this.#isGivenUp = true;
      throw new Error(`not completed: ${JSON.stringify([...this.#pending.values()])}`);
    });
    await Promise.race([Promise.all(this.#clients), isLate]).finally(() => late.abort());
  }

  /** What storage elements have of what was uploaded: how many files were lost, doubled, or are wrong. A record makes a file. */
  async report(storage: string): Promise<{ lost: number; doubled: number; wrong: number }> {
    const paths = (await readdir(storage, { recursive: true })).filter((path) => path.endsWith('.json'));
    const report = { lost: 0, doubled: 0, wrong: 0 };
    for (const { bytes, location } of this.completed) {
      const record = `${location.split('/').at(-1)}.json`;
      const [path, another] = paths.filter((each) => basename(each) === record);
      if (path === undefined) report.lost += 1;
      else if (another !== undefined) report.doubled += 1;
      else if (!(await contentOf(join(storage, path))).equals(bytes)) report.wrong += 1;
    }
    return report;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const most = randomInt(2) === 0 ? SMALL_BYTES : MOST_BYTES;
      const upload = await this.#create(randomBytes(randomInt(1, most)));
      this.#open.add(upload);
      while (!this.#isGivenUp && !(await this.#goOn(upload))) await sleep(randomInt(20));
      this.#open.delete(upload);
      this.#pending.delete(upload.location);
      this.completed.push(upload);
    }
  }

  /** Some bring all their bytes at once; one whose answer is lost begins anew. */
  async #create(bytes: Buffer): Promise<KnownUpload> {
    const length = { 'Upload-Length': String(bytes.length) };
    const isWhole = bytes.length <= SMALL_BYTES && randomInt(2) === 0;
    while (!this.#isGivenUp) {
      const answer = await (isWhole
        ? this.#send('POST', '/api/v1/uploads', { ...length, ...OCTETS }, bytes)
        : this.#send('POST', '/api/v1/uploads', length));
      const location = answer?.headers.get('location');
      if (answer?.status === 201 && location) {
        const upload = { bytes, location: new URL(location).pathname, told: 0 };
        if (isWhole && this.#hear(upload, answer) !== bytes.length)
          this.findings.push(`${location}: not all bytes of a creation count`);
        return upload;
      }
      await sleep(50);
    }
    throw new Error('no upload was created');
  }

  /** Asks how far it is and sends a piece; tells whether the upload is complete, and its file stored. */
  async #goOn(upload: KnownUpload): Promise<boolean> {
    const head = await this.#send('HEAD', upload.location);
    if (head?.status !== 200) return this.#expectOutage(upload, head);
    const offset = this.#hear(upload, head);
    if (offset === upload.bytes.length) return this.#isStored(upload);
    const end = Math.min(upload.bytes.length, offset + randomInt(1, LARGEST_PIECE));
    const headers = { 'Upload-Offset': String(offset), ...OCTETS };
    const answer = await this.#send('PATCH', upload.location, headers, upload.bytes.subarray(offset, end));
    if (answer?.status !== 204) return this.#expectOutage(upload, answer);
    if (this.#hear(upload, answer) !== end) {
      const told = answer.headers.get('upload-offset');
      this.findings.push(`${upload.location}: ${end} were acknowledged as ${told} of ${upload.bytes.length}`);
    }
    return false;
  }

  #hear(upload: KnownUpload, { headers }: Response): number {
    const offset = Number(headers.get('upload-offset'));
    if (offset < upload.told)
      this.findings.push(`${upload.location}: ${upload.told} were told, and then ${offset}`);
    upload.told = Math.max(upload.told, offset);
    return offset;
  }

  /** Nobody answers, or asks to be asked again. */
  #expectOutage(upload: KnownUpload, answer: Response | undefined): false {
    this.#pending.set(upload.location, `${upload.location}: ${answer?.status}`);
    const isExpected = !answer || answer.status >= 500 || answer.status === 409;
    if (!isExpected) this.findings.push(`${upload.location}: ${answer.status}`);
    return false;
  }

  async #isStored({ location }: KnownUpload): Promise<boolean> {
    const answer = await this.#send('GET', location.replace('/uploads/', '/files/'));
    const text = (await answer?.text().catch(() => '')) ?? '';
    this.#pending.set(location, `${location}: ${answer?.status} ${text}`);
    return answer?.status === 200 && (JSON.parse(text || '{}') as { status?: string }).status === 'active';
  }

  async #send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Buffer,
  ): Promise<Response | undefined> {
    // Some leave in the middle of their bytes.
    const leaves = body !== undefined && randomInt(6) === 0;
    const signal = AbortSignal.timeout(leaves ? randomInt(1, 30) : 20_000);
    const all = { Authorization: `Bearer ${this.token}`, 'Tus-Resumable': '1.0.0', ...headers };
    try {
      return await fetch(`${this.anyOrigin()}${path}`, {
        method,
        headers: all,
        body: body ? new Uint8Array(body) : null,
        signal,
      });
    } catch {
      this.cuts += 1;
      // Else those who wait for a process keep the machine from starting it.
      if (!leaves) await sleep(AFTER_OUTAGE_MS);
      return undefined;
    }
  }
}

async function contentOf(record: string): Promise<Buffer> {
  const { content } = JSON.parse(await readFile(record, 'utf8')) as { content: string };
  return readFile(join(dirname(record), content));
}
