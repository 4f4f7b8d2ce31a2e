import { Injectable } from '@nestjs/common';

/** Whether the service has been told to stop. It never comes back from that. */
@Injectable()
export class ShutdownState {
  private begun = false;

  get isShuttingDown(): boolean {
    return this.begun;
  }

  /** Marks the service as stopping: readiness turns 503 and new uploads are refused from here on. */
  begin(): void {
    this.begun = true;
  }
}
