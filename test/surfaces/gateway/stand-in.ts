import { once } from "node:events";
import { renameSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";

export interface StandIn {
  /** Resolves once the daemon has answered what was asked for, which nobody is told. */
  readonly answered: Promise<void>;
  /** Gives the daemon its place back. */
  leave(): Promise<void>;
}

/** Stands before a daemon's socket, passes everything on, and keeps the answer to whoever asks for something to itself. */
export async function standIn(socket: string): Promise<StandIn> {
  const behind = `${socket}-behind`;
  renameSync(socket, behind);
  const answered = Promise.withResolvers<void>();
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const daemon = connect(behind);
    for (const [one, other] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      open.add(one);
      one.on("error", () => {}).on("close", () => open.delete(one) && other.destroy());
    }
    // Each question comes on a connection of its own, and begins with its first bytes.
    client.once("data", (first: Buffer) => {
      daemon.write(first);
      client.pipe(daemon);
      if (first.toString().startsWith("POST /v1/requests ")) daemon.once("data", () => answered.resolve());
      else daemon.pipe(client);
    });
  });
  server.listen(socket);
  await once(server, "listening");
  return {
    answered: answered.promise,
    async leave() {
      for (const one of open) one.destroy();
      // It takes its own name away with it.
      server.close();
      await once(server, "close");
      renameSync(behind, socket);
    },
  };
}
