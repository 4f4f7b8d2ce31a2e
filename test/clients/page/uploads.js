/* What the page of test/clients/upload-page.ts does with the file that was chosen. The clients are as they were published. */
import { Upload } from 'tus-js-client';
import { Tus, Uppy } from 'uppy';

const chosenFile = () => globalThis.document.querySelector('input').files[0];

/** Uploads by tus-js-client; gives where the upload is, and the methods of its requests. */
globalThis.uploadByTus = (options, isResumed = false) =>
  new Promise((resolve, reject) => {
    const file = chosenFile();
    const methods = [];
    const upload = new Upload(file, {
      metadata: { filename: file.name, filetype: file.type },
      ...options,
      onBeforeRequest: (request) => {
        methods.push(request.getMethod());
      },
      onSuccess: () => resolve({ url: upload.url, methods }),
      onError: reject,
    });
    void begin(upload, isResumed).catch(reject);
  });

/** Begins an upload, and is done when its connection breaks for the first time. */
globalThis.uploadUntilBroken = (options) =>
  new Promise((resolve, reject) => {
    const upload = new Upload(chosenFile(), {
      ...options,
      onShouldRetry: () => {
        resolve(upload.url);
        return true;
      },
      onSuccess: () => reject(new Error('nothing broke')),
      onError: reject,
    });
    upload.start();
  });

/** A page that was loaded anew finds in the browser's storage where the upload of the same file is. */
async function begin(upload, isResumed) {
  if (isResumed) {
    const [previous] = await upload.findPreviousUploads();
    if (previous === undefined) throw new Error('the browser knows of no earlier upload');
    upload.resumeFromPreviousUpload(previous);
  }
  upload.start();
}

/** Uploads by Uppy; gives where the upload is, and the events that told of its end. */
globalThis.uploadByUppy = (options) =>
  new Promise((resolve, reject) => {
    const file = chosenFile();
    const events = [];
    const uppy = new Uppy().use(Tus, options);
    uppy.on('upload-success', (_, { uploadURL }) => events.push(['upload-success', uploadURL]));
    uppy.on('upload-error', (_, error) => reject(error));
    uppy.on('complete', ({ successful, failed }) => {
      resolve([...events, ['complete', successful.length, failed.length]]);
    });
    uppy.addFile({ name: file.name, type: file.type, data: file });
    uppy.upload().catch(reject);
  });

globalThis.isReady = true;
