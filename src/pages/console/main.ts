import { found } from '../shared/dom.js';
import { SignIn } from '../shared/sign-in.js';
import { Console } from './console.js';

const signIn = SignIn.at('/console');
const arriving = signIn?.comeBack();

// oxlint-disable-next-line no-new -- it lives as long as the page
new Console(found('#main', HTMLElement), signIn, arriving);
