import { element, found } from '../shared/dom.js';
import { SignIn } from '../shared/sign-in.js';
import { fileChooser } from './file-chooser.js';
import { optionsForm } from './options-form.js';
import { Session } from './session.js';
import { tokenEntry } from './token-entry.js';
import { UploadList } from './upload-list.js';

const signIn = SignIn.at('/');
const arriving = signIn?.comeBack();
const session = new Session();
const options = optionsForm();
const uploads = new UploadList(session);

found('#main', HTMLElement).append(
  element('h1', {}, 'Upload files'),
  tokenEntry(session, signIn, arriving),
  fileChooser((files) => uploads.add(files, options.fields())),
  options.node,
  uploads.status,
  uploads.node,
);

// A browser asks whether to leave while something is on its way.
window.addEventListener('beforeunload', (event) => {
  if (uploads.isBusy) event.preventDefault();
});
