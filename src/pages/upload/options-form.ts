import { element } from '../shared/dom.js';
import type { UploadFields } from './transfer.js';

/** What is said of files that are chosen from now on. */
export interface OptionsForm {
  readonly node: HTMLElement;
  /** The fields as the service calls them; those that say nothing are left out. */
  fields(): UploadFields;
}

export function optionsForm(): OptionsForm {
  const description = element('input', { id: 'description', maxlength: 1000 });
  const retention = element(
    'select',
    { id: 'retention' },
    element('option', { value: '' }, 'for some days'),
    element('option', { value: 'permanent' }, 'for good'),
  );
  const days = element('input', { id: 'days', type: 'number', min: 1, max: 365, placeholder: '30' });
  const tags = element('input', { id: 'tags', 'aria-describedby': 'tags-help' });
  retention.addEventListener('change', () => {
    days.disabled = retention.value === 'permanent';
  });
  const node = element(
    'details',
    { class: 'options' },
    element('summary', {}, 'Description and retention'),
    element('p', { class: 'muted' }, 'These hold for files that are chosen from now on.'),
    element(
      'div',
      { class: 'grid' },
      labelled('Description', description),
      labelled(
        'Tags',
        tags,
        element('span', { id: 'tags-help', class: 'muted' }, 'with commas between them'),
      ),
      labelled('Keep', retention),
      labelled('Days', days),
    ),
  );
  return {
    node,
    fields: () =>
      fieldsOf({
        description: description.value,
        retention: retention.value,
        days: days.disabled ? '' : days.value,
        tags: tags.value,
      }),
  };
}

interface Entered {
  readonly description: string;
  readonly retention: string;
  readonly days: string;
  readonly tags: string;
}

/** The fields that are sent for what was entered. */
export function fieldsOf({ description, retention, days, tags }: Entered): UploadFields {
  const names = tags
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  const fields = {
    description: description.trim(),
    retention_policy: retention,
    ttl_days: days.trim(),
    tags: names.length === 0 ? '' : JSON.stringify(names),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

function labelled(text: string, control: HTMLElement, help?: HTMLElement): HTMLElement {
  return element('div', {}, element('label', { for: control.id }, text), control, help);
}
