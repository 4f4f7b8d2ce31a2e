import { element, found } from '../shared/dom.js';

found('#main', HTMLElement).append(element('h1', {}, 'Ingester'));
