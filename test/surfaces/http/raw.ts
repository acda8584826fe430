import { connect, type NetConnectOpts } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { tokenOf } from "./stage.ts";
import { openWhole, type Whole } from "./whole.ts";

export const JSON_BODY = "Content-Type: application/json";

/** The header of who has this token. */
export function bearer(name: string): string {
  return `Authorization: Bearer ${tokenOf(name)}`;
}

/** A request as bytes: `question("GET /v1/health", "Host: x")`. Its connection ends with the answer. */
export function question(line: string, ...headers: readonly string[]): string {
  const [method, target, version = "HTTP/1.1"] = line.split(" ");
  return [`${method} ${target} ${version}`, "Connection: close", ...headers, "", ""].join("\r\n");
}

interface RawAnswer {
  /** The status of each answer that came. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** The code of its error; null where there is none. */
  readonly code: string | null;
}

/** Sends bytes as they are, as no client library would, and resolves with what came back once the connection is closed. */
function sendRaw(place: NetConnectOpts, bytes: Buffer): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(place, () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    // Whoever is cut off may find out by an error; what counts is that it ends, and what was said until then.
    socket.on("error", () => {});
    socket.on("close", () => {
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
      resolve({ statuses, text, code: /"code":"([a-z_]+)"/.exec(text)?.[1] ?? null });
    });
  });
}

/** A whole daemon to attack, and a request that whoever attacks would like to see approved. */
async function openTarget() {
  const daemon: Whole = await openWhole();
  const id = await daemon.submit();
  const { port } = daemon.placeOf("tcp") as { port: number };
  const host = `Host: 127.0.0.1:${port}`;
  const { happenings } = daemon.world.application;
  let head = 0;

  function send(way: "agent" | "reviewer" | "tcp", start: string, body: string | Buffer = "") {
    const place = way === "tcp" ? { host: "127.0.0.1", port } : { path: daemon.sockets[way] };
    return sendRaw(place, Buffer.concat([Buffer.from(start), Buffer.from(body)]));
  }

  return {
    ...daemon,
    id,
    port,
    /** The header that addresses the server as it is to be addressed. */
    host,
    decide: `/v1/requests/${id}/decide`,
    send,
    /** Over TCP, addressed rightly, with a body of the right length. */
    post(path: string, body: string | Buffer, ...headers: readonly string[]): Promise<RawAnswer> {
      const length = `Content-Length: ${Buffer.byteLength(body)}`;
      return send("tcp", question(`POST ${path}`, host, length, ...headers), body);
    },
    remember(): void {
      head = happenings.head();
    },
    /** No event since the test began. */
    expectNothing: () => expect(happenings.head()).toBe(head),
  };
}

/** The daemon that all tests of a file attack. */
export let target: Awaited<ReturnType<typeof openTarget>>;

/** Opens it. Whatever is done to it, nobody has approved anything, and the server has met no bug of its own. */
export function attackOne(): void {
  beforeAll(async () => {
    target = await openTarget();
  });
  beforeEach(() => target.remember());
  afterEach(async () => {
    expect(target.bugs).toEqual([]);
    expect((await target.world.application.show(target.id)).status).toBe("pending");
  });
  afterAll(() => target.close());
}
