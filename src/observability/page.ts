import type { Response } from 'express';

/** An answer that is written down once and sent to many, who share its bytes. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

export function jsonPage(content: object, status = 200): Page {
  return { status, type: 'application/json; charset=utf-8', body: Buffer.from(JSON.stringify(content)) };
}

/** Sends a page as it is, and keeps caches from doing so. */
export function sendPage({ status, type, body }: Page, response: Response): void {
  response.status(status).set({ 'Content-Type': type, 'Cache-Control': 'no-store' }).send(body);
}
