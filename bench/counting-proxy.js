import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Stands before a PostgreSQL and counts the ways there and back: what is sent before an answer comes shares one. */
export async function startCountingProxy(url) {
  const { hostname, port } = new URL(url);
  const counts = { roundTrips: 0 };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let answered = true;
    client.on('data', (bytes) => {
      if (answered) counts.roundTrips += 1;
      answered = false;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      answered = true;
      client.write(bytes);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${server.address().port}` }).href,
    counts,
    stop: () => server.close(),
  };
}
