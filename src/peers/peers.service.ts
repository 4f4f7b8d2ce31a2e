import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { request as ask } from 'undici';
import { Replicas } from '../replicas/replicas.service.js';
import { targetOf } from './request-target.js';
import { viaUs, wasPassedOn } from './via.js';

/** Whoever looks is not kept waiting longer for one that hangs. */
const PATIENCE_MS = 5_000;

/** What another replica says. */
export interface PeerAnswer {
  readonly status: number;
  /** JSON; undefined where there is none. */
  readonly body: unknown;
}

/** What all others say. */
export interface PeerAnswers {
  readonly answers: readonly PeerAnswer[];
  /** The ids of those that live and do not answer, or answer what is not understood. */
  readonly unanswered: readonly string[];
}

const NOBODY: PeerAnswers = { answers: [], unanswered: [] };

/**
 * Asks all other replicas that were seen lately the same as this one was asked, with the token of the caller, which they look at
 * as well. No request is passed on twice.
 */
@Injectable()
export class Peers {
  private readonly logger = new Logger(Peers.name);

  constructor(private readonly replicas: Replicas) {}

  /** `isGood` tells whether an answer is one. Never fails. */
  async ask(request: Request, isGood: (answer: PeerAnswer) => boolean, body?: object): Promise<PeerAnswers> {
    if (wasPassedOn(request)) return NOBODY;
    const peers = this.replicas.others.filter(({ lives }) => lives).map(({ seen }) => seen);
    const all = await Promise.all(peers.map((peer) => this.answerOf(peer, request, isGood, body)));
    return {
      answers: all.filter((answer) => answer !== undefined),
      unanswered: peers.filter((_, index) => all[index] === undefined).map(({ replicaId }) => replicaId),
    };
  }

  private async answerOf(
    { replicaId, address }: { readonly replicaId: string; readonly address: string },
    request: Request,
    isGood: (answer: PeerAnswer) => boolean,
    body?: object,
  ): Promise<PeerAnswer | undefined> {
    try {
      const answer = await this.send(address, request, body);
      if (isGood(answer)) return answer;
      throw new Error(`It was answered with ${answer.status}`);
    } catch (error) {
      this.logger.warn({ err: error, replica_id: replicaId }, 'another replica does not answer an operator');
      return undefined;
    }
  }

  private async send(address: string, request: Request, body?: object): Promise<PeerAnswer> {
    const { statusCode: status, body: answer } = await ask(`${address}${targetOf(request)}`, {
      method: request.method === 'DELETE' ? 'DELETE' : 'GET',
      headers: {
        authorization: request.headers.authorization,
        via: viaUs(request),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    return { status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }
}
