import { element } from '../shared/dom.js';

interface FilterField {
  readonly name: string;
  readonly label: string;
  /** Texts are asked for without choices. */
  readonly choices?: readonly string[];
  readonly isNumber?: boolean;
}

/** Asks what a list is to show; what is chosen comes to stand in the URL, and so outlives a reload. */
export function filterForm(fields: readonly FilterField[], query: URLSearchParams): HTMLFormElement {
  const isFiltered = fields.some(({ name }) => query.has(name));
  return element(
    'form',
    {
      class: 'filter',
      'data-action': 'filter',
      role: 'search',
      'aria-label': 'Filter',
      'data-key': 'filter',
    },
    ...fields.map((field) => fieldOf(field, query.get(field.name) ?? '')),
    element('button', { type: 'submit' }, 'Filter'),
    isFiltered ? element('button', { type: 'button', 'data-action': 'no-filter' }, 'Show all') : undefined,
  );
}

function fieldOf({ name, label, choices, isNumber }: FilterField, value: string): HTMLElement {
  const id = `filter-${name}`;
  const input = choices
    ? element(
        'select',
        { id, name },
        element('option', { value: '' }, 'all'),
        ...choices.map((choice) => element('option', { value: choice, selected: choice === value }, choice)),
      )
    : element('input', { id, name, value, autocomplete: 'off', inputmode: isNumber === true && 'numeric' });
  return element('div', { class: 'field' }, element('label', { for: id }, label), input);
}
