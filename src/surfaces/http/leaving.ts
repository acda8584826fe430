import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What answers hold together that were asked for and are not taken. */
const BUDGET_BYTES = 64 * 1024 * 1024;

/** Answers that are smaller do not add up to much, however many connections there are. */
const SMALL_BYTES = 4 * 1024;

interface Unsent {
  bytes: number;
  answers: number;
}

/**
 * Is told of each answer when it was given to its connection. Over the budget, the connection that has not taken its
 * answers for longest is cut off; an only answer is never too large by itself.
 */
export function createLeaving(budget = BUDGET_BYTES): (outgoing: ServerResponse) => void {
  const waiting = new Map<Socket, Unsent>();
  let held = 0;

  function forget(socket: Socket): void {
    held -= waiting.get(socket)?.bytes ?? 0;
    waiting.delete(socket);
  }

  function entryOf(socket: Socket): Unsent {
    const found = waiting.get(socket);
    if (found !== undefined) return found;
    const entry = { bytes: 0, answers: 0 };
    waiting.set(socket, entry);
    return entry;
  }

  /** On one connection, answers that wait for the one before them are not told when it ends. */
  const heard = new WeakSet<Socket>();

  return (outgoing) => {
    const { socket } = outgoing.req;
    const bytes = outgoing.writableFinished ? 0 : outgoing.writableLength;
    if (bytes < SMALL_BYTES || socket.destroyed) return;
    const entry = entryOf(socket);
    entry.bytes += bytes;
    entry.answers += 1;
    held += bytes;
    if (!heard.has(socket)) {
      heard.add(socket);
      socket.once("close", () => forget(socket));
    }
    outgoing.once("finish", () => {
      if (waiting.get(socket) !== entry) return;
      entry.bytes -= bytes;
      entry.answers -= 1;
      held -= bytes;
      if (entry.answers === 0) waiting.delete(socket);
    });
    for (const [slowest, { answers }] of waiting) {
      if (held <= budget) return;
      if (slowest === socket && answers === 1) continue;
      forget(slowest);
      slowest.destroy();
    }
  };
}
