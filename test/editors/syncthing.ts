import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const KEY = "a-key-for-this-test";

/** Two programs that start, make their databases and find each other: longer than anything else here takes. */
const LIMIT_MS = 60_000;

/** Two folders that Syncthing keeps the same, by two instances that know nobody but each other. */
export interface Pair {
  /** The second one ends, so that neither hears of the other. */
  part(): Promise<void>;
  /** It is there again, and finds what was changed in its folder. */
  meet(): Promise<void>;
  /** Makes those that run look through their folders now; what was deleted is otherwise told seconds later. */
  scan(): Promise<void>;
  stop(): Promise<void>;
}

interface Side {
  readonly id: string;
  readonly home: string;
  readonly folder: string;
  readonly version: string;
  readonly ports: { readonly sync: number; readonly rest: number };
}

export async function openPair(base: string, folders: readonly [string, string]): Promise<Pair> {
  const ports = await freePorts(4);
  const sides = folders.map((folder, i) => {
    const [sync = 0, rest = 0] = ports.slice(2 * i);
    return generate(join(base, `syncthing-${i}`), folder, { sync, rest });
  });
  const [here, there] = sides as [Side, Side];
  const running = new Map<Side, ChildProcess>();
  const said: string[] = [];
  const start = (side: Side) => {
    const words = ["serve", `--home=${side.home}`, "--no-browser", "--no-restart"];
    const env = { PATH: process.env.PATH, HOME: side.home, STNOUPGRADE: "1" };
    const child = spawn("syncthing", words, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said.push(String(text)));
    running.set(side, child);
  };
  const stop = async (side: Side) => {
    const child = running.get(side);
    running.delete(side);
    child?.kill("SIGTERM");
    while (child && child.exitCode === null && child.signalCode === null) await delay(10);
  };
  const isConnected = async () => {
    const { connections } = (await ask(here, "GET", "system/connections")) as {
      connections: Record<string, { connected: boolean }>;
    };
    return connections[there.id]?.connected === true;
  };
  const untilConnected = async (connected: boolean) => {
    for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(50)) {
      if ((await isConnected().catch(() => !connected)) === connected) return;
    }
    throw new Error(
      `Syncthing's instances are ${connected ? "never" : "still"} connected:\n${said.join("")}`,
    );
  };

  for (const side of [here, there]) {
    writeFileSync(join(side.home, "config.xml"), configuration(side, [here, there]));
    start(side);
  }
  await untilConnected(true);
  return {
    async part() {
      await stop(there);
      await untilConnected(false);
    },
    async meet() {
      start(there);
      await untilConnected(true);
    },
    async scan() {
      await Promise.all([...running.keys()].map((side) => ask(side, "POST", "db/scan?folder=vault")));
    },
    async stop() {
      await Promise.all([here, there].map(stop));
    },
  };
}

function generate(home: string, folder: string, ports: Side["ports"]): Side {
  mkdirSync(join(folder, ".stfolder"), { recursive: true });
  const env = { PATH: process.env.PATH, HOME: home };
  execFileSync("syncthing", ["generate", `--home=${home}`], { env, stdio: "pipe" });
  const made = readFileSync(join(home, "config.xml"), "utf8");
  const id = /<device id="([A-Z0-9-]{63})"/.exec(made)?.[1];
  const version = /<configuration version="(\d+)"/.exec(made)?.[1];
  if (id === undefined || version === undefined) throw new Error(`an unknown configuration:\n${made}`);
  return { id, home, folder, version, ports };
}

/** On this machine's own address only: nothing is announced, looked up, relayed, reported or upgraded. */
function configuration({ version, folder, ports }: Side, sides: readonly Side[]): string {
  const devices = sides.map(
    ({ id, ports }) => `<device id="${id}"><address>tcp://127.0.0.1:${ports.sync}</address></device>`,
  );
  return `<configuration version="${version}">
<folder id="vault" path="${folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">
${sides.map(({ id }) => `<device id="${id}"></device>`).join("\n")}
<maxConflicts>10</maxConflicts>
</folder>
${devices.join("\n")}
<gui enabled="true" tls="false"><address>127.0.0.1:${ports.rest}</address><apikey>${KEY}</apikey></gui>
<options>
<listenAddress>tcp://127.0.0.1:${ports.sync}</listenAddress>
<globalAnnounceEnabled>false</globalAnnounceEnabled>
<localAnnounceEnabled>false</localAnnounceEnabled>
<relaysEnabled>false</relaysEnabled>
<natEnabled>false</natEnabled>
<crashReportingEnabled>false</crashReportingEnabled>
<urAccepted>-1</urAccepted>
<startBrowser>false</startBrowser>
<reconnectionIntervalS>1</reconnectionIntervalS>
</options>
</configuration>
`;
}

async function ask({ ports }: Side, method: string, path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${ports.rest}/rest/${path}`, {
    method,
    headers: { "X-API-Key": KEY },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** Below the ports that the system gives to outgoing connections, and all held at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  while (held.length < count) {
    const server = createServer();
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (isFree) held.push(server);
  }
  const ports = held.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
