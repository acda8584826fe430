import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Locations, locate } from "../../src/adapters/locations.ts";
import { type Answering, openReceiver, type Receiver } from "../outgoing/receiver.ts";
import { call, countersign, type DaemonProcess, launch, type Program, type Ran } from "./daemon-process.ts";
import { environment } from "./kill-world.ts";

export type Shown = Readonly<Record<string, unknown>>;

/** The real daemon beside a real receiver, in a folder of its own, which outlives it. */
export async function openOutsideWorld(
  program: Program,
  answering: Answering,
  files: (url: string) => object,
) {
  const base = mkdtempSync(join(tmpdir(), "cs-outside-"));
  const vault = join(base, "vault");
  const env = environment(base);
  const receiver: Receiver = await openReceiver(answering);
  const cs = (...words: string[]): Promise<Ran> => countersign(program, [...words, "--vault", vault], env);
  await cs("init");
  for (const [name, text] of Object.entries(files(receiver.url))) {
    writeFileSync(join(base, name), String(text), { mode: 0o600 });
  }
  const places: Locations = locate({ vault }, env, base);
  const daemons: DaemonProcess[] = [];
  let asked = 0;

  return {
    base,
    vault,
    receiver,
    cs,

    async start(secrets: NodeJS.ProcessEnv): Promise<DaemonProcess> {
      const daemon = launch(program, vault, { ...env, ...secrets });
      daemons.push(daemon);
      if (!(await daemon.ready)) throw new Error(`the daemon did not start\n${daemon.log()}`);
      return daemon;
    },

    /** Asks, each time for something else. */
    async ask(kind: string, params: object = {}): Promise<string> {
      asked += 1;
      const body = { kind, params: { n: asked, ...params }, requester: "agent" };
      const answer = await call(places.sockets.agent, "POST", "/v1/requests", body);
      if (answer === null) throw new Error("the daemon is gone");
      return (answer.body.request as { id: string }).id;
    },

    async decide(id: string, verb: string, reason: string | null = null): Promise<number | null> {
      const body = { verb, reviewer: "ada", ...(reason !== null && { reason }) };
      return (await call(places.sockets.reviewer, "POST", `/v1/requests/${id}/decide`, body))?.status ?? null;
    },

    /** The outcome, once there is one. */
    async outcome(id: string): Promise<Shown> {
      return (await call(places.sockets.agent, "GET", `/v1/requests/${id}/wait`))?.body ?? {};
    },

    async show(id: string): Promise<Shown> {
      return (await call(places.sockets.reviewer, "GET", `/v1/requests/${id}`))?.body ?? {};
    },

    async close(): Promise<void> {
      for (const daemon of daemons) {
        daemon.signal("SIGKILL");
        await daemon.ended;
      }
      await receiver.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

export type OutsideWorld = Awaited<ReturnType<typeof openOutsideWorld>>;
