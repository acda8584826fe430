import { type ConnectOptions, type Countersign, connect } from "../../../src/sdk.ts";
import type { StageOptions } from "../../scenarios/stage.ts";
import { tokenOf } from "../http/stage.ts";
import { openWhole } from "../http/whole.ts";

export type Stage = Awaited<ReturnType<typeof openSdkStage>>;

/** The SDK in front of a whole daemon, over a socket or TCP, and a person who decides. */
export async function openSdkStage(options: StageOptions = {}, prepare?: (root: string) => void) {
  const whole = await openWhole(options, {}, prepare);
  const { application, daemon } = whole.world;
  const made: string[] = [];
  const wanted: ((id: string) => void)[] = [];
  application.happenings.follow((event) => {
    if (event?.event !== "submitted") return;
    const tell = wanted.shift();
    if (tell === undefined) made.push(event.id);
    else tell(event.id);
  });
  /** The next request that is made, or was made since the last one that was asked for. */
  const submitted = (): Promise<string> =>
    new Promise((resolve) => {
      const [id] = made.splice(0, 1);
      if (id === undefined) wanted.push(resolve);
      else resolve(id);
    });
  return {
    ...whole,
    submitted,
    connect: (more: ConnectOptions = {}): Promise<Countersign> =>
      connect({ socket: whole.sockets.agent, requester: "billing-agent", ...more }),
    connectOverTcp(as = "billing-agent"): Promise<Countersign> {
      const { port } = whole.placeOf("tcp") as { port: number };
      return connect({ url: `http://127.0.0.1:${port}`, token: tokenOf(as) });
    },
    /** Decides the next request that is made as soon as it is there, and gives its id. */
    async decideNext(
      verb: "approve" | "reject" | "request_changes",
      { reason = null, set }: { reason?: string | null; set?: { [name: string]: string | number } } = {},
    ): Promise<string> {
      const id = await submitted();
      const said = { verb, reviewer: "anna", reason, via: "cli", ...(set !== undefined && { set }) };
      await application.decide(id, said);
      await daemon.settled();
      return id;
    },
  };
}
