const QUEUE = /^delivery_queue_depth (\d+)$/m;
const SPOOLED = /^spool_files (\d+)$/m;

/** How many tasks wait, as `/metrics` tells. */
export async function queueOf({ url }) {
  const response = await fetch(`${url}/metrics`);
  return Number(numberIn(await response.text(), QUEUE));
}

/** What an operator sees of a service, in lines. */
export async function viewOf({ url, token }) {
  const ask = async (path) => {
    const response = await fetch(url + path, { headers: { Authorization: `Bearer ${token}` } });
    return { status: response.status, text: await response.text() };
  };
  const [ready, circuits, letters, metrics] = await Promise.all(
    ['/api/v1/health/ready', '/api/v1/resilience/circuit-breakers', '/api/v1/health/dlq', '/metrics'].map(
      ask,
    ),
  );
  const { status, details } = JSON.parse(ready.text);
  const down = Object.entries(details).filter(([, check]) => check.status !== 'up');
  const states = Object.entries(JSON.parse(circuits.text)).map(([name, { state }]) => `${name} ${state}`);
  const { total_failed_tasks: dead } = JSON.parse(letters.text).statistics;
  return [
    `readiness     ${ready.status} ${status}${down.length > 0 ? `; down: ${down.map(([name]) => name).join(', ')}` : ''}`,
    `circuits      ${states.join(', ')}`,
    `queue         ${numberIn(metrics.text, QUEUE)} waiting, ${numberIn(metrics.text, SPOOLED)} files in the spool`,
    `dead letters  ${dead}`,
  ];
}

const numberIn = (text, pattern) => pattern.exec(text)?.[1] ?? 'unknown';
