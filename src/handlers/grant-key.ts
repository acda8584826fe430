import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../core/codes.ts";

/** The public half, as a JWK (RFC 8037). */
export type PublicGrantKey = {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
};

export interface GrantKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicGrantKey;
}

const PRIVATE_FILE = "grant-key.jwk";
const PUBLIC_FILE = "grant-key.public.jwk";
/** A JWK has about 150 bytes; nothing much larger is read. */
const LARGEST_BYTES = 4_096;

/** Loads the key pair of the state directory; makes it, durably, when there is none. Rejects with `state_unsafe`. */
export async function openGrantKey(directory: string): Promise<GrantKeyPair> {
  const path = join(directory, PRIVATE_FILE);
  const text = (await readPrivate(path)) ?? (await makePrivate(directory, path));
  const pair = pairOf(text, path);
  await writePublic(directory, pair.publicKey);
  return pair;
}

/** The private key's file; null when there is none. */
async function readPrivate(path: string): Promise<string | null> {
  const file = await openPrivate(path);
  if (file === null) return null;
  try {
    const { mode, uid, size } = await file.stat();
    const isPrivate = (mode & 0o077) === 0 && (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isPrivate || uid !== process.geteuid?.()) {
      throw unsafe(path, "is open to others", "since it may have been copied");
    }
    if (size > LARGEST_BYTES) throw unsafe(path, "is damaged");
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Never through a symbolic link, which could be somebody else's, nor waiting for the other end of a pipe. */
async function openPrivate(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT") return null;
    if (code === "ELOOP") throw unsafe(path, "is a symbolic link");
    throw error;
  }
}

/** Made under another name and linked, so that a crash leaves no half key and two openers agree on one. */
async function makePrivate(directory: string, path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const draft = await writeDraft(
    directory,
    `${JSON.stringify(privateKey.export({ format: "jwk" }))}\n`,
    0o600,
  );
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  await syncFolder(directory);
  const text = await readPrivate(path);
  if (text === null) throw unsafe(path, "vanished while it was made");
  return text;
}

function pairOf(text: string, path: string): GrantKeyPair {
  try {
    const privateKey = createPrivateKey({ key: JSON.parse(text), format: "jwk" });
    const { crv, x } = createPublicKey(privateKey).export({ format: "jwk" });
    if (crv !== "Ed25519" || x === undefined) throw new Error("not an Ed25519 key");
    return { privateKey, publicKey: { kty: "OKP", crv, x, alg: "EdDSA", use: "sig" } };
  } catch {
    // No cause: a parser's message quotes what it read, and that is the key.
    throw unsafe(path, "is damaged");
  }
}

/** Derived each time, so that it can never be another key's. */
async function writePublic(directory: string, key: PublicGrantKey): Promise<void> {
  const path = join(directory, PUBLIC_FILE);
  const text = `${JSON.stringify(key)}\n`;
  if ((await readFile(path, "utf8").catch(() => null)) === text) return;
  await rename(await writeDraft(directory, text, 0o644), path);
  await syncFolder(directory);
}

async function writeDraft(directory: string, text: string, mode: number): Promise<string> {
  const path = join(directory, `.grant-key-${randomUUID()}`);
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function unsafe(path: string, state: string, because?: string): Fault {
  const reason = because === undefined ? "" : `, ${because}`;
  const hint = `Delete it${reason}: the next start makes a new one, and grants given out before become void.`;
  return new Fault("state_unsafe", `The grant key ${path} ${state}.`, hint);
}
