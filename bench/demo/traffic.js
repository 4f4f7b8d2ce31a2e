import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const AT_ONCE = 4;
const POLL_MS = 200;
const PATIENCE_MS = 40_000;

/** Uploads of the demo, and what was answered to each. */
export class Traffic {
  #world;
  #sent = new Map();

  constructor(world) {
    this.#world = world;
  }

  /** Sends files of these sizes, some at once; gives how many were stored, accepted and refused. */
  async send(sizes, onAnswer = async () => undefined) {
    const left = [...sizes];
    const counts = { stored: 0, accepted: 0, refused: 0 };
    const worker = async () => {
      for (let size = left.shift(); size !== undefined; size = left.shift()) {
        const outcome = await this.#upload(size);
        counts[outcome] += 1;
        await onAnswer(counts);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return counts;
  }

  /** Waits until no upload that was accepted is on its way any more. */
  async untilDelivered() {
    const deadline = Date.now() + PATIENCE_MS;
    for (const [id, upload] of this.#sent) {
      while (upload.outcome === 'accepted' && !upload.isDelivered) {
        upload.isDelivered = (await this.#receipt(id)).status === 'active';
        if (Date.now() > deadline) throw new Error(`${id} is not delivered after ${PATIENCE_MS / 1000} s`);
        if (!upload.isDelivered) await sleep(POLL_MS);
      }
    }
  }

  /** What became of all of it; `digests` are those of the files at the elements. */
  figures(digests) {
    const all = [...this.#sent];
    const count = (test) => all.filter(([id, upload]) => test(upload, id)).length;
    return {
      sent: all.length,
      stored: count(({ outcome }) => outcome === 'stored'),
      accepted: count(({ outcome }) => outcome === 'accepted'),
      delivered: count(({ isDelivered }) => isDelivered),
      equal: count(({ sha256 }, id) => {
        const found = digests.get(id) ?? [];
        return found.length > 0 && found.every((digest) => digest === sha256);
      }),
    };
  }

  async #upload(size) {
    const id = randomUUID();
    const body = randomBytes(size);
    const response = await fetch(`${this.#world.url}/api/v1/files/${id}`, {
      method: 'PUT',
      headers: { ...this.#authorization, 'Content-Type': 'application/octet-stream' },
      body,
    });
    await response.text();
    const outcome = { 201: 'stored', 202: 'accepted' }[response.status] ?? 'refused';
    const sha256 = createHash('sha256').update(body).digest('hex');
    this.#sent.set(id, { outcome, sha256, isDelivered: false });
    return outcome;
  }

  async #receipt(id) {
    const response = await fetch(`${this.#world.url}/api/v1/files/${id}`, { headers: this.#authorization });
    return response.json();
  }

  get #authorization() {
    return { Authorization: `Bearer ${this.#world.token}` };
  }
}
