import { startDeliveryFloor } from '../support/delivery-floor.js';
import { LEASE_MS } from './delivery-subject.js';
import { deliveryContract } from './delivery.contract.js';

deliveryContract('SQLite', async () => {
  const floor = await startDeliveryFloor({ DELIVERY_LEASE_MS: String(LEASE_MS) });
  return { one: floor, other: floor, dispose: () => floor.close() };
});
