/*
 * `npm run demo`: shows in a minute what the service does while storage elements die and come back. It then stays up for
 * a look around, until Ctrl-C; with `--once` it ends. The exit code is 1 where a file was lost.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Traffic } from './demo/traffic.js';
import { queueOf, viewOf } from './demo/view.js';
import { World } from './demo/world.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const repeat = (count, size) => Array.from({ length: count }, () => size);

const say = (line = '') => process.stdout.write(`${line}\n`);
const answers = ({ stored, accepted, refused }) =>
  say(`  uploads       ${stored} stored (201), ${accepted} accepted for later (202), ${refused} refused`);

async function showView(world) {
  for (const line of await viewOf(world)) say(`  ${line}`);
  say();
}

async function playDemo(world, traffic) {
  say('1. Both storage elements are up. Files of 20 KiB, 500 KiB and 8 MiB come.');
  answers(await traffic.send([...repeat(20, 20 * KIB), ...repeat(8, 500 * KIB), ...repeat(2, 8 * MIB)]));
  await showView(world);

  say(
    '2. se-1 is killed while files come. They go to se-2; one that se-1 may have is kept until se-1 can be asked.',
  );
  let isKilled = false;
  answers(
    await traffic.send([...repeat(2, 16 * MIB), ...repeat(20, 200 * KIB)], async ({ stored }) => {
      if (isKilled || stored < 3) return;
      isKilled = true;
      await world.kill('se-1');
    }),
  );
  await showView(world);

  say('3. se-2 is killed, too. Files are kept, and promised.');
  await world.kill('se-2');
  const counts = await traffic.send([...repeat(10, 20 * KIB), ...repeat(2, 8 * MIB)]);
  answers(counts);
  await untilQueue(world, (waiting) => waiting >= counts.accepted);
  await showView(world);

  say('4. Both come back. What was promised is delivered.');
  const since = performance.now();
  await Promise.all([world.revive('se-1'), world.revive('se-2')]);
  await traffic.untilDelivered();
  say(`  delivered     all, ${((performance.now() - since) / 1000).toFixed(1)} s after that`);
  await untilQueue(world, (waiting) => waiting === 0);
  await untilReady(world);
  await showView(world);
}

/** What `/metrics` tells of the queue may be five seconds old. */
async function untilQueue(world, isReached) {
  for (let tries = 0; tries < 240 && !isReached(await queueOf(world)); tries += 1) await sleep(250);
}

/** An element that is back may count as down until its circuit lets somebody try. */
async function untilReady(world) {
  for (let tries = 0; tries < 240 && !(await viewOf(world))[0].endsWith(' ok'); tries += 1) await sleep(250);
}

async function showFigures(world, traffic) {
  const { sent, stored, accepted, delivered, equal } = traffic.figures(await world.digests());
  const checks = [
    [`sent ${sent} = stored ${stored} + accepted ${accepted}`, sent === stored + accepted],
    [`delivered ${delivered} = accepted ${accepted}`, delivered === accepted],
    [`the same bytes at the elements: ${equal} of ${sent}`, equal === sent],
  ];
  say('Figures');
  for (const [text, holds] of checks) say(`  ${holds ? 'yes' : 'NO '}  ${text}`);
  say();
  if (!checks.every(([, holds]) => holds)) process.exitCode = 1;
}

async function lookAround(world, interrupted) {
  say('It stays up until Ctrl-C. Look around:');
  say(`  console  ${world.url}/console`);
  say(`  API      ${world.url}/docs`);
  say(`  metrics  ${world.url}/metrics`);
  say(`  log      ${world.logFile}`);
  say('The token of an operator, which the console asks for:');
  say(`  ${world.token}`);
  await interrupted;
}

const interrupted = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
say('The service and two storage elements start.');
say();
const world = await World.start();
try {
  const traffic = new Traffic(world);
  const demo = playDemo(world, traffic).then(() => showFigures(world, traffic));
  const isOver = await Promise.race([demo.then(() => true), interrupted.then(() => false)]);
  if (isOver && !process.argv.includes('--once')) await lookAround(world, interrupted);
} finally {
  await world.stop();
}
// What was interrupted may still wait for an answer.
process.exit();
