import type { ServerResponse } from 'node:http';

/**
 * Closes the connection when the system takes nothing of an answer for `patienceMs` milliseconds, and tells `onClose`: its
 * buffers are full, and the client empties them too slowly (docs/operations.md says how slowly that is). A client that
 * sends, and one that waits for an answer that has not begun, is not meant. To be called when the response has its
 * connection.
 */
export function closeUnread(response: ServerResponse, patienceMs: number, onClose: () => void): void {
  const { socket } = response;
  response.setTimeout(patienceMs, () => {
    if (!socket || socket.writableLength === 0) return;
    onClose();
    socket.destroy();
  });
}
