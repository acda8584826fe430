import { afterEach, beforeEach, expect } from "vitest";
import { type Approved, type ConnectOptions, type Countersign, connect } from "../../../src/sdk.ts";
import type { StageOptions } from "../../scenarios/stage.ts";
import { tokenOf } from "../http/stage.ts";
import { openWhole } from "../http/whole.ts";

/** The stage of the test that runs. */
export let stage: Awaited<ReturnType<typeof openSdkStage>>;

/** Opens a stage for each test of a file. What the server took for a bug fails the test. */
export function openForEach(): void {
  beforeEach(async () => {
    stage = await openSdkStage();
  });
  afterEach(async () => {
    await stage.close();
    expect(stage.bugs).toEqual([]);
  });
}

/** Another stage than the usual one, in its place. */
export async function reopen(...how: Parameters<typeof openSdkStage>): Promise<void> {
  await stage.close();
  stage = await openSdkStage(...how);
}

/** A function to be gated, and what it was called with. */
export function releasing() {
  const done: [object, Approved][] = [];
  const act = async (params: { version: string }, approved: Approved) => {
    done.push([params, approved]);
    return `released ${params.version}`;
  };
  return { done, act };
}

/** The SDK in front of a whole daemon, over a socket or TCP, and a person who decides. */
async function openSdkStage(options: StageOptions = {}, prepare?: (root: string) => void) {
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
