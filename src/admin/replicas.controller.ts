import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { Replicas } from '../replicas/replicas.service.js';
import { ApiReplicas } from './orders.openapi.js';
import type { ReplicasBody } from './replicas.dto.js';

/** Shows operators all processes that share the database. */
@Controller({ path: 'api/replicas', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class ReplicasController {
  constructor(private readonly replicas: Replicas) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiReplicas()
  all(): ReplicasBody {
    return { replica_id: this.replicas.replicaId, replicas: this.replicas.all() };
  }
}
