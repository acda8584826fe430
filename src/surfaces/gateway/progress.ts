import type { ServerContext } from "@modelcontextprotocol/server";

/** So little that a server's own figures are passed on as they are. */
const STEP = 1e-6;

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
}

/** The figures always go up, as the protocol wants it, whoever they come from. */
export function progressLine({ mcpReq }: ServerContext): ProgressLine | null {
  const token = mcpReq._meta?.progressToken;
  if (token === undefined) return null;
  let last = 0;
  const send = (progress: number, said: Omit<Said, "progress">) => {
    last = Math.max(progress, last + STEP);
    const params = { ...said, progressToken: token, progress: last };
    // Who is gone is told so by the signal.
    void mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
  };
  return {
    beat: (message) => send(last, { message }),
    pass: ({ progress, ...said }) => send(progress, said),
  };
}
