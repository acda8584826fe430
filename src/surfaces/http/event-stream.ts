import type { ServerResponse } from "node:http";
import type { Happenings } from "../../application/application.ts";
import type { EventView } from "../../core/event-view.ts";

/** So often something is sent when nothing happens: what stands between may close a silent connection. */
const HEARTBEAT_MS = 15_000;
/** Whoever reads nothing for so long is let go, and comes back with the last id that it has. */
const STALL_MS = 30_000;

interface StreamOptions {
  /** The last event that the reader has. */
  readonly after: number;
  readonly fits: (event: EventView) => boolean;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  readonly heartbeat_ms?: number;
  readonly stall_ms?: number;
}

/**
 * Sends events as they come, each with its number in the journal as its id (server-sent events). A reader who is slower
 * than what happens costs no memory: it is not told as it happens but reads on from the journal, at its own pace.
 * Resolves when the stream has ended.
 */
export async function sendEvents(
  outgoing: ServerResponse,
  happenings: Happenings,
  { after, fits, closing, heartbeat_ms = HEARTBEAT_MS, stall_ms = STALL_MS }: StreamOptions,
): Promise<void> {
  let last = after;
  let live = false;
  let over = false;
  const { promise: ended, resolve: leave } = Promise.withResolvers<void>();

  outgoing.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    Connection: "close",
  });
  // So that the reader knows at once that it is heard, and comes back soon after a restart.
  outgoing.write("retry: 1000\n\n");

  /** False when the reader is behind. */
  function send(event: EventView): boolean {
    last = event.seq;
    return !fits(event) || outgoing.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  function hear(event: EventView | null): void {
    if (event === null) finish();
    else if (live && event.seq > last && !send(event)) {
      live = false;
      void catchUp();
    }
  }

  /** Reads from the journal until nothing is left, and is told from then on. */
  async function catchUp(): Promise<void> {
    try {
      await drained();
      while (!over) {
        for await (const event of happenings.after(last)) {
          if (!send(event)) await drained();
          if (over) return;
        }
        live = last >= happenings.head();
        if (live) return;
      }
    } catch {
      // What cannot be read must not look like silence: the reader comes back.
      outgoing.destroy();
    }
  }

  async function drained(): Promise<void> {
    if (over || !outgoing.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stalled = setTimeout(() => outgoing.destroy(), stall_ms);
    outgoing.once("drain", resolve);
    outgoing.once("close", resolve);
    await promise;
    outgoing.off("drain", resolve);
    outgoing.off("close", resolve);
    clearTimeout(stalled);
  }

  function finish(): void {
    outgoing.end();
  }

  const unfollow = happenings.follow(hear);
  const heart = setInterval(() => {
    if (!outgoing.writableNeedDrain) outgoing.write(": nothing new\n\n");
  }, heartbeat_ms);
  closing.addEventListener("abort", finish);
  outgoing.once("close", () => {
    over = true;
    unfollow();
    clearInterval(heart);
    closing.removeEventListener("abort", finish);
    leave();
  });
  if (closing.aborted) finish();
  void catchUp();
  await ended;
}
