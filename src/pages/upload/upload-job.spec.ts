import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';

interface Answer {
  readonly status: number;
  readonly body?: object;
}

const NOT_FOUND: Answer = { status: 404, body: { status: 404, code: 'NOT_FOUND', title: 'Not found' } };
const CANCELLED = answerOf('cancelled');
const STORED = answerOf('active');

/** What the service answers next, by method; the last answer stays. */
let answers: Record<string, Answer[]> = {};
let asked: { readonly method: string; readonly path: string; readonly token: string }[] = [];

/** A request as a browser makes it. A body is sent at once; without an answer the request stays open. */
class FakeRequest extends EventTarget {
  readonly upload = new EventTarget();
  status = 0;
  responseText = '';
  private method = '';
  private path = '';

  open(method: string, path: string): void {
    [this.method, this.path] = [method, path];
  }

  setRequestHeader(name: string, value: string): void {
    // A browser takes no other signs.
    if (!/^[\x20-\x7e]*$/.test(value)) throw new DOMException('Not a header', 'SyntaxError');
    if (name === 'Authorization') asked.push({ method: this.method, path: this.path, token: value.slice(7) });
  }

  getResponseHeader(): null {
    return null;
  }

  send(body: Blob | null): void {
    if (body) this.upload.dispatchEvent(Object.assign(new Event('progress'), { loaded: body.size }));
    const left = answers[this.method] ?? [];
    const answer = left.length > 1 ? left.shift() : left[0];
    if (answer) void Promise.resolve().then(() => this.end(answer));
  }

  abort(): void {
    this.end({ status: 0 });
  }

  private end({ status, body }: Answer): void {
    this.status = status;
    this.responseText = body ? JSON.stringify(body) : '';
    this.dispatchEvent(new Event('loadend'));
  }
}

Object.assign(globalThis, { document: { documentElement: { dataset: {} } }, XMLHttpRequest: FakeRequest });
const { UploadJob } = await import('./upload-job.js');
const { RawTransfer } = await import('./raw-transfer.js');
const { Session } = await import('./session.js');

beforeEach(() => {
  answers = {};
  asked = [];
  jest.useFakeTimers();
});
afterEach(() => void jest.useRealTimers());

it('is being cancelled until the service says that the file is', async () => {
  answers = { DELETE: [NOT_FOUND, NOT_FOUND, { status: 204 }], GET: [NOT_FOUND, NOT_FOUND, CANCELLED] };
  const { job, kinds } = await jobThatIsSent();
  void job.cancel();
  await jest.advanceTimersByTimeAsync(10_000);
  expect(kinds()).toEqual(['finishing', 'cancelling', 'cancelled']);
  expect(job.state).toEqual({ kind: 'cancelled' });
});

it('says that a file was stored before it could be cancelled', async () => {
  answers = { DELETE: [NOT_FOUND], GET: [NOT_FOUND, STORED] };
  const { job, kinds } = await jobThatIsSent();
  void job.cancel();
  await jest.advanceTimersByTimeAsync(10_000);
  expect(kinds()).toEqual(['finishing', 'cancelling', 'stored']);
});

it('says that it is not certain where the service never knows of the file', async () => {
  answers = { DELETE: [NOT_FOUND], GET: [NOT_FOUND] };
  const { job } = await jobThatIsSent();
  void job.cancel();
  await jest.advanceTimersByTimeAsync(90_000);
  expect(job.state.kind).toBe('cancelling');
  await jest.advanceTimersByTimeAsync(90_000);
  expect(job.state).toEqual({ kind: 'cancelled', isUncertain: true });
});

it('asks nothing where not all bytes were sent', async () => {
  const { job } = jobOf();
  await job.cancel();
  expect(job.state).toEqual({ kind: 'cancelled' });
  expect(asked).toEqual([]);
});

it('sends a file again whose time was over, as an upload of its own', async () => {
  answers = { PUT: [answerOf('accepted'), answerOf('accepted')], GET: [answerOf('expired'), STORED] };
  const { job, kinds } = jobOf();
  await job.send();
  await job.follow();
  expect(job.state).toMatchObject({ kind: 'refused', problem: { code: 'UPLOAD_EXPIRED' } });
  job.again();
  expect(job.receipt).toBeUndefined();
  await job.send();
  await job.follow();
  expect(kinds().filter((kind) => kind !== 'finishing' && kind !== 'waiting')).toEqual([
    'accepted',
    'refused',
    'accepted',
    'stored',
  ]);
  const [first, second] = asked.filter(({ method }) => method === 'PUT').map(({ path }) => path);
  expect(first).not.toBe(second);
});

it('asks for another token where a cancel is refused the last one, and goes on with it', async () => {
  const refusal = { status: 401, body: { status: 401, code: 'TOKEN_EXPIRED', title: 'Expired' } };
  answers = { DELETE: [refusal, { status: 204 }], GET: [CANCELLED] };
  const { job, session } = await jobThatIsSent();
  session.onChange(() => session.token !== '' && job.hurry());
  void job.cancel();
  await jest.advanceTimersByTimeAsync(400_000);
  expect([job.state.kind, session.token]).toEqual(['cancelling', '']);
  expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  session.token = 'e30.e30.new';
  await jest.advanceTimersByTimeAsync(0);
  expect(job.state).toEqual({ kind: 'cancelled' });
  expect(asked.at(-1)?.token).toBe('e30.e30.new');
});

it('says at once that the page failed', async () => {
  const { job, session } = jobOf();
  session.token = 'e30…sig';
  await job.send();
  expect(job.state).toMatchObject({ kind: 'refused', problem: { code: 'PAGE_ERROR' } });
});

function answerOf(status: string): Answer {
  return { status: 200, body: { upload_id: '0b1e', status, checksum: null } };
}

/** A job, and the kinds of its states; those that come again are told once. */
function jobOf(): {
  readonly job: InstanceType<typeof UploadJob>;
  readonly session: InstanceType<typeof Session>;
  readonly kinds: () => readonly string[];
} {
  const file = new File(['hello'], 'hello.txt', { type: 'text/plain' });
  const session = new Session();
  session.token = 'e30.e30.sig';
  const kinds: string[] = [];
  const job = new UploadJob(
    file,
    session,
    () => new RawTransfer(file),
    ({ state }) => kinds.push(state.kind),
  );
  return {
    job,
    session,
    kinds: () => kinds.filter((kind, index) => kind !== 'sending' && kind !== kinds[index - 1]),
  };
}

/** All bytes of its file are sent, and the service has not answered yet. */
async function jobThatIsSent(): Promise<ReturnType<typeof jobOf>> {
  const made = jobOf();
  void made.job.send();
  await jest.advanceTimersByTimeAsync(0);
  expect(made.job.state.kind).toBe('finishing');
  return made;
}
