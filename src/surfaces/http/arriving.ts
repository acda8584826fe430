import type { IncomingMessage } from "node:http";
import { Fault } from "../../core/codes.ts";
import { BODY_LIMIT_BYTES } from "../body-limit.ts";

/** Each piece is work of its own, however small it is. */
const PIECES = 10_000;
const FIRST_BYTES = 4 * 1024;
const NO_ROOM = Buffer.alloc(0);

/** What the bodies that are on their way may hold together. */
const BUDGET_BYTES = 16 * BODY_LIMIT_BYTES;

/** Takes bodies in. */
export interface Arriving {
  /** The whole body. Gives too_large, busy, invalid_request. */
  collect(incoming: IncomingMessage): Promise<Uint8Array>;
}

interface Body {
  room: Buffer;
  giveUp(fault: Fault): void;
}

/**
 * Bodies that never end cost no more than the budget: over it the one that has been on its way for longest is given up.
 * A small one is there in a moment, and so gets through beside any number that are held back.
 */
export function createArriving(budget = BUDGET_BYTES): Arriving {
  const open = new Set<Body>();
  let held = 0;

  function makeRoom(body: Body, size: number): void {
    // In one piece, since a million pieces of one byte would cost hundreds each; and none of a pool, which it would hold.
    const room = Buffer.allocUnsafeSlow(
      Math.min(BODY_LIMIT_BYTES, Math.max(FIRST_BYTES, 2 * body.room.length, size)),
    );
    body.room.copy(room);
    hold(body, room);
  }

  function hold(body: Body, room: Buffer): void {
    held += room.length - body.room.length;
    body.room = room;
    for (const oldest of open) {
      if (held <= budget) return;
      oldest.giveUp(new Fault("busy"));
    }
  }

  return {
    /** Not `for await`: leaving such a loop early would destroy the connection before it was answered. */
    collect(incoming) {
      return new Promise((resolve, reject) => {
        const announced = Number(incoming.headers["content-length"] ?? 0);
        if (announced > BODY_LIMIT_BYTES) throw new Fault("too_large");
        let size = 0;
        let pieces = 0;
        const body: Body = {
          room: NO_ROOM,
          giveUp(fault) {
            reject(fault);
            leave();
          },
        };
        const leave = () => {
          if (open.delete(body)) held -= body.room.length;
          body.room = NO_ROOM;
        };
        open.add(body);
        incoming.on("data", (chunk: Buffer) => {
          if (!open.has(body)) return;
          const till = size + chunk.length;
          pieces += 1;
          if (pieces > PIECES) return body.giveUp(tooManyPieces());
          if (till > BODY_LIMIT_BYTES) return body.giveUp(new Fault("too_large"));
          // What comes as a whole, as nearly all do, is its own room.
          if (size === 0 && chunk.length === announced) hold(body, chunk);
          else if (till > body.room.length) makeRoom(body, till);
          // It may itself be the one that was given up.
          if (open.has(body)) size += chunk.copy(body.room, size);
        });
        incoming.on("end", () => {
          resolve(body.room.subarray(0, size));
          leave();
        });
        incoming.on("error", () =>
          body.giveUp(new Fault("invalid_request", "The body ended before it was complete.")),
        );
        incoming.on("close", leave);
      });
    },
  };
}

function tooManyPieces(): Fault {
  const message = `The body comes in more than ${PIECES} pieces.`;
  return new Fault("too_large", message, "Send it as a whole, with a Content-Length.");
}
