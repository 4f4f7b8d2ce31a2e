import type { ServerResponse } from 'node:http';

/**
 * Closes the connection of a client that takes nothing of its answer for `patienceMs` milliseconds, and tells `onClose`.
 * A client that sends, and one that waits for an answer that has not begun, is not meant. Node counts what the system
 * takes of a long write as progress. To be called when the response has its connection.
 */
export function closeUnread(response: ServerResponse, patienceMs: number, onClose: () => void): void {
  const { socket } = response;
  response.setTimeout(patienceMs, () => {
    if (!socket || socket.writableLength === 0) return;
    onClose();
    socket.destroy();
  });
}
