import { found } from '../shared/dom.js';
import { Console } from './console.js';

// oxlint-disable-next-line no-new -- it lives as long as the page
new Console(found('#main', HTMLElement));
