import { randomBytes } from "node:crypto";
import { link, open, readdir, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Fault } from "../core/codes.ts";

/**
 * Makes this process the one writer of a state directory, and gives what releases it. Rejects with `already_running`,
 * naming the other process, when there is one.
 *
 * The lock is a listening Unix socket, because the kernel itself then says whether its holder lives: a connection is
 * refused from the moment the process is gone, however it went. A process id in a file would need guesses about reused
 * ids, start times and containers.
 *
 * Taking over from a dead holder must not be open to two at once, so no name is ever replaced. Holders have numbered
 * names, `lock.1`, `lock.2`, …, and the highest one counts. Whoever finds it dead links its own socket, which already
 * listens, to the next number; a link to a name that exists fails, so one wins. Lower numbers are removed only when a
 * higher one stands, and the highest is never removed, not even on release. A process that acts on an old look may
 * still get a lower number that has become free; it looks again afterwards, sees the higher one, and gives its own up.
 */
export async function takeLock(directory: string): Promise<() => Promise<void>> {
  const folder = await openFolder(directory);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.end(String(process.pid));
  });
  const release = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    await folder.close();
  };
  const candidate = `candidate-${process.pid}-${randomBytes(6).toString("hex")}`;
  try {
    await listen(server, folder.reach(candidate));
    try {
      await becomeHighest(directory, folder, candidate);
    } finally {
      await unlink(join(directory, candidate));
    }
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

async function becomeHighest(directory: string, folder: Folder, candidate: string): Promise<void> {
  for (;;) {
    const highest = Math.max(0, ...(await numbersIn(directory)));
    const holder = highest === 0 ? "gone" : await holderOf(folder.reach(`lock.${highest}`));
    if (holder !== "gone") {
      const who = holder === "silent" ? "A process that does not answer" : `Process ${holder}`;
      throw new Fault("already_running", `${who} already serves the state directory ${directory}.`);
    }
    const mine = highest + 1;
    try {
      await link(join(directory, candidate), join(directory, `lock.${mine}`));
    } catch (error) {
      if (isErrno(error, "EEXIST")) continue;
      throw error;
    }
    const numbers = await numbersIn(directory);
    if (Math.max(...numbers) > mine) {
      await remove(directory, mine);
      continue;
    }
    for (const lower of numbers) if (lower < mine) await remove(directory, lower);
    return;
  }
}

async function numbersIn(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => {
    const number = /^lock\.(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

async function remove(directory: string, number: number): Promise<void> {
  await unlink(join(directory, `lock.${number}`)).catch((error: unknown) => {
    if (!isErrno(error, "ENOENT")) throw error;
  });
}

/** A holder that is stopped or very busy accepts without answering: it lives all the same. */
const ANSWER_MS = 1_000;

/** The process id of whoever listens; `gone` only where the kernel says that nobody does. */
function holderOf(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = "";
    const silent = setTimeout(() => finish("silent"), ANSWER_MS);
    const finish = (holder: string) => {
      clearTimeout(silent);
      socket.destroy();
      resolve(holder);
    };
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      answer += text;
    });
    socket.on("end", () => finish(answer === "" ? "silent" : answer));
    socket.on("error", (error) => {
      // A name that has just gone makes the caller look again, and lose the link if it was wrong.
      finish(isErrno(error, "ECONNREFUSED") || isErrno(error, "ENOENT") ? "gone" : "silent");
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // The lock must not keep a process alive that has nothing else to do.
    server.listen(path, () => resolve()).unref();
  });
}

interface Folder {
  /** A path to a name in the folder that is short enough for a socket. */
  reach(name: string): string;
  close(): Promise<void>;
}

/** The kernel takes 107 bytes of socket path (103 elsewhere); a deep state directory is reached by its descriptor. */
const LONGEST_SOCKET_PATH = 103;
const NAME_BYTES = 48;

async function openFolder(directory: string): Promise<Folder> {
  if (Buffer.byteLength(directory) + NAME_BYTES <= LONGEST_SOCKET_PATH) {
    return { reach: (name) => join(directory, name), close: async () => {} };
  }
  const handle = await open(directory, "r");
  return { reach: (name) => `/proc/self/fd/${handle.fd}/${name}`, close: () => handle.close() };
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
