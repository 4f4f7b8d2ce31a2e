import { Injectable } from '@nestjs/common';
import { CircuitViews } from '../replicas/circuit-views.service.js';
import { Orders } from '../replicas/orders.service.js';
import { Replicas } from '../replicas/replicas.service.js';
import { LiveFigures } from './live-figures.service.js';

/** Says how everything is, for those who watch. Looking changes nothing. */
@Injectable()
export class LiveSnapshots {
  constructor(
    private readonly replicas: Replicas,
    private readonly orders: Orders,
    private readonly circuits: CircuitViews,
    private readonly figures: LiveFigures,
  ) {}

  /** How everything is now, with members as on the wire; what the database does not tell is null. */
  async take(): Promise<Record<string, unknown>> {
    const figures = await this.figures.take();
    return {
      at: new Date().toISOString(),
      replica_id: this.replicas.replicaId,
      replicas: this.replicas.all(),
      orders: this.orders.holding,
      database_at: figures?.database_at ?? null,
      queue: figures?.queue ?? null,
      dead_letters: figures?.dead_letters ?? null,
      transitions: this.circuits.transitions(),
    };
  }
}
