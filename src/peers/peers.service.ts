import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { request as ask } from 'undici';
import { Database } from '../database/database.service.js';
import { findLivingReplicas } from '../replicas/living-replicas.js';
import type { Replica } from '../replicas/replica-rows.js';
import { Replicas } from '../replicas/replicas.service.js';
import { targetOf } from './request-target.js';
import { viaUs, wasPassedOn } from './via.js';

/** Whoever looks is not kept waiting longer for one that hangs. */
const PATIENCE_MS = 5_000;

type Peer = Pick<Replica, 'replicaId' | 'address'>;

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
 * Asks all other living replicas the same as this one was asked, with the token of the caller, which they look at as well. No
 * request is passed on twice.
 */
@Injectable()
export class Peers {
  private readonly logger = new Logger(Peers.name);
  /** As they were seen the last time that the database told. */
  private known: readonly Peer[] | undefined;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
  ) {}

  /** `isGood` tells whether an answer is one. @throws QUEUE_UNAVAILABLE where nobody has ever told who else there is */
  async ask(request: Request, isGood: (answer: PeerAnswer) => boolean, body?: object): Promise<PeerAnswers> {
    if (wasPassedOn(request)) return NOBODY;
    const peers = await this.others();
    const all = await Promise.all(peers.map((peer) => this.answerOf(peer, request, isGood, body)));
    return {
      answers: all.filter((answer) => answer !== undefined),
      unanswered: peers.filter((_, index) => all[index] === undefined).map(({ replicaId }) => replicaId),
    };
  }

  private async others(): Promise<readonly Peer[]> {
    // One process has SQLite.
    if (this.database.backend === 'sqlite') return [];
    try {
      this.known = await findLivingReplicas(this.database);
    } catch (error) {
      if (!this.known) throw error;
      this.logger.warn({ err: error }, 'the replicas are asked that were there a while ago');
    }
    return this.known.filter(({ replicaId }) => replicaId !== this.replicas.replicaId);
  }

  private async answerOf(
    { replicaId, address }: Peer,
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
