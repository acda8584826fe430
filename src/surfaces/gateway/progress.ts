import type { ServerContext } from "@modelcontextprotocol/server";

/** So little that a server's own figures are passed on as they are. */
const STEP = 1e-6;
/** Of what a client is too slow for, the latest is enough: a server may tell of its progress without end. */
const WAITING = 100;

interface Said {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** What a client is told while its call lasts; null where it does not want to be told. */
export interface ProgressLine {
  /** That the call is alive. */
  beat(message: string): void;
  /** What the server says of its progress. */
  pass(said: Said): void;
  /** Nothing more is told: the call is over. */
  end(): void;
}

/** The figures always go up, as the protocol wants it, whoever they come from. */
export function progressLine({ mcpReq }: ServerContext): ProgressLine | null {
  const token = mcpReq._meta?.progressToken;
  if (token === undefined) return null;
  let last = 0;
  let isSending = false;
  let isOver = false;
  const waiting: Said[] = [];

  const send = (progress: number, said: Omit<Said, "progress">) => {
    // What goes on without its agent has nobody to tell.
    if (isOver) return;
    last = Math.max(progress, last + STEP);
    if (waiting.length === WAITING) waiting.shift();
    waiting.push({ ...said, progress: last });
    if (!isSending) void sendAll();
  };

  const sendAll = async () => {
    isSending = true;
    for (let said = waiting.shift(); said !== undefined; said = waiting.shift()) {
      const params = { ...said, progressToken: token };
      // Who is gone is told so by the signal.
      await mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
    }
    isSending = false;
  };

  return {
    beat: (message) => send(last, { message }),
    pass: ({ progress, ...said }) => send(progress, said),
    end() {
      isOver = true;
      waiting.length = 0;
    },
  };
}
