import { element } from '../../shared/dom.js';
import type { Desk } from '../desk.js';
import { bytes, counted, relative } from '../format.js';
import { ask, REASON } from '../question.js';
import type { Letter, Preview } from '../shapes.js';

type Action = Preview['action'];

const AGES = new Set(['older_than_seconds', 'newer_than_seconds']);

/** Shows what an order over many would act on, as the service counts it, and gives the order for exactly these. */
export function orderMany(desk: Desk, action: Action, query: URLSearchParams, onDone: () => void): void {
  const filter: Record<string, string | number> = {};
  for (const [name, value] of query)
    filter[name] = AGES.has(name) && /^\d+$/.test(value) ? Number(value) : value;
  void desk.api
    .ask<Preview>('/api/v1/dead-letters/preview', { method: 'POST', body: { action, filter } })
    .then((preview) => show(desk, preview, onDone))
    .catch((error: unknown) => desk.say(desk.refused(error)));
}

function show(desk: Desk, preview: Preview, onDone: () => void): void {
  const { action, filter, count, bytes: size, oldest_at: oldest, samples, token } = preview;
  const what = counted(count, 'dead letter');
  const isDrop = action === 'drop';
  ask(desk, {
    title: isDrop ? `Drop ${what}, with their files?` : `Redeliver ${what}?`,
    content: [
      element(
        'dl',
        { class: 'facts' },
        ...fact('Filter', inWords(filter)),
        ...fact('Letters', count.toLocaleString('en')),
        ...fact('Bytes', bytes(size)),
        ...fact('Oldest', oldest === null ? '–' : relative(oldest, desk.nowMs())),
      ),
      element('p', {}, samples.length === 0 ? 'There is none.' : 'Among them:'),
      element('ul', { class: 'samples' }, ...samples.map((letter) => element('li', {}, sample(letter)))),
      isDrop ? element('p', {}, 'What is dropped is gone for good.') : '',
    ],
    fields: [REASON],
    confirm: isDrop ? `Drop ${what}` : `Redeliver ${what}`,
    isDangerous: isDrop,
    run: async ({ reason }) => {
      const body = { filter, token, reason };
      const answer = await desk.api.ask<Record<string, number | string>>(`/api/v1/dead-letters/${action}`, {
        method: 'POST',
        body,
      });
      desk.say(outcome(isDrop, answer));
      onDone();
    },
  });
}

function outcome(
  isDrop: boolean,
  { redelivered, dropped, remaining }: Record<string, number | string>,
): string {
  const done = Number((isDrop ? dropped : redelivered) ?? 0);
  const text = isDrop
    ? `${counted(done, 'dead letter is', 'dead letters are')} dropped.`
    : `${counted(done, 'dead letter is', 'dead letters are')} tried again.`;
  return Number(remaining ?? 0) > 0
    ? `${text} ${counted(Number(remaining), 'is', 'are')} left: order again.`
    : text;
}

function inWords(filter: Preview['filter']): string {
  const parts = Object.entries(filter).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value}`);
  return parts.length === 0 ? 'none, so all dead letters' : parts.join(', ');
}

function sample({ original_filename: name, size, reason, target, owner }: Letter): string {
  return `${name} (${bytes(size)}) of ${owner}, ${reason ?? 'cause not known'}${target === null ? '' : ` at ${target}`}`;
}

export function fact(title: string, value: string): HTMLElement[] {
  return [element('dt', {}, title), element('dd', {}, value)];
}
