/** The server of tus with its file store, as its guide sets it up. It neither asks for a token, nor hashes, nor syncs. */
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const datastore = new FileStore({ directory: process.env.UPLOAD_DIR });
const server = new Server({ path: '/files', datastore });
server.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
