import { startDeliveryFloor } from '../support/delivery-floor.js';
import { openPostgres } from '../support/postgres-databases.js';
import { LEASE_MS } from './delivery-subject.js';
import { deliveryContract } from './delivery.contract.js';

deliveryContract('PostgreSQL', async () => {
  const server = await openPostgres();
  const variables = { DATABASE_URL: await server.newPreparedDatabase(), DELIVERY_LEASE_MS: String(LEASE_MS) };
  const [one, other] = await Promise.all([startDeliveryFloor(variables), startDeliveryFloor(variables)]);
  return {
    one,
    other,
    dispose: async () => {
      await Promise.all([one.close(), other.close()]);
      await server.dispose();
    },
  };
});
