import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What becomes of the n-th request, counted from 1. */
export type Answering = (response: ServerResponse, n: number, received: Received) => void;

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** Everything that came, in order. */
  readonly received: Received[];
  /** How many connections were ever made. */
  connections(): number;
  answerWith(next: Answering): void;
  /** Resolves once so many requests have come. */
  got(count: number): Promise<void>;
  close(): Promise<void>;
}

const OK: Answering = (response) => void response.writeHead(204).end();

/** A real HTTP receiver on loopback. */
export async function openReceiver(answering: Answering = OK): Promise<Receiver> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let answer = answering;
  let waiting: { count: number; resolve: () => void }[] = [];
  const server: Server = createServer((incoming, response) => {
    let body = "";
    incoming.setEncoding("utf8").on("data", (text) => {
      body += text;
    });
    incoming.on("end", () => {
      const one = { path: incoming.url ?? "", headers: incoming.headers, body };
      received.push(one);
      answer(response, received.length, one);
      for (const waiter of waiting) if (received.length >= waiter.count) waiter.resolve();
      waiting = waiting.filter(({ count }) => received.length < count);
    });
  });
  server.on("connection", (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const own = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${own}/`,
    port: own,
    received,
    connections: () => connections,
    answerWith(next) {
      answer = next;
    },
    got: (count) =>
      received.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
