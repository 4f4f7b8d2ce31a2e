import { element } from '../shared/dom.js';

/** Where files are chosen, or dropped. Those that miss it are taken as well: a browser would leave the page for them. */
export function fileChooser(onFiles: (files: readonly File[]) => void): HTMLElement {
  const input = element('input', { id: 'files', type: 'file', multiple: true, class: 'covered' });
  const area = element(
    'div',
    { class: 'drop' },
    input,
    element('label', { for: 'files', class: 'choose' }, 'Choose files'),
    element('span', { class: 'muted' }, 'or drop them here'),
  );
  input.addEventListener('change', () => {
    onFiles([...(input.files ?? [])]);
    // The same file may be chosen again.
    input.value = '';
  });
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    area.classList.add('over');
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (!relatedTarget) area.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    area.classList.remove('over');
    onFiles([...(event.dataTransfer?.files ?? [])]);
  });
  return area;
}
