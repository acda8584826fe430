import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import type { Path } from "../../document/plain-yaml.ts";
import type { Environment } from "../environment.ts";
import type { HttpSettings } from "./configuration.ts";
import { invalid, type Source } from "./source.ts";

export interface RawHttp {
  readonly listen: string;
  readonly hosts?: readonly string[];
  readonly tokens: readonly RawRoleToken[];
}

interface RawRoleToken extends RawToken {
  readonly role: HttpSettings["tokens"][number]["role"];
}

/** Where a token stands that a client sends, and whose it is. */
export interface RawToken {
  readonly name: string;
  readonly file?: string;
  readonly env?: string;
  readonly sha256?: string;
}

/** As many characters as nobody guesses: what `openssl rand -hex 32` gives has 64. */
const TOKEN = /^[\w.~+/=-]{32,4000}$/;

/** What is served over TCP; null where nothing is. Gives config_invalid. */
export function httpOf(
  source: Source,
  raw: RawHttp | undefined,
  directory: string,
  env: Environment,
): HttpSettings | null {
  if (raw === undefined) return null;
  const hashes = hashesOf(source, ["http", "tokens"], raw.tokens, directory, env);
  const tokens = raw.tokens.map(({ role, name }, at) => ({ role, name, sha256: hashes[at] ?? "" }));
  return { ...addressOf(source, raw.listen), hosts: raw.hosts ?? [], tokens };
}

/** The tokens' hashes, all different, in their order. Gives config_invalid. */
export function hashesOf(
  source: Source,
  list: Path,
  tokens: readonly RawToken[],
  directory: string,
  env: Environment,
): readonly string[] {
  const seen = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    const path = [...list, at];
    const sha256 = hashOf(source, path, token, directory, env);
    if (seen.has(sha256)) {
      throw invalid(
        source.file,
        source.lineOf(path),
        "a token is there twice",
        "one of its own for each name",
      );
    }
    seen.add(sha256);
  }
  return [...seen];
}

/** What is allowed and probably not meant. */
export function httpWarnings(http: HttpSettings | null): readonly string[] {
  return http === null ? [] : overNetworks("http.listen", http.host);
}

export function overNetworks(key: string, host: string): readonly string[] {
  if (isLoopback(host)) return [];
  return [
    `${key} ${host} is reached from other machines, and tokens and requests travel unencrypted: listen on 127.0.0.1 behind a proxy with TLS.`,
  ];
}

/** An address that nobody reaches from another machine: what is served there asks for no token. Gives config_invalid. */
export function loopbackOf(source: Source, listen: string): { host: string; port: number } {
  const address = addressOf(source, listen, ["metrics", "listen"], "127.0.0.1:9464");
  if (isLoopback(address.host)) return address;
  throw invalid(
    source.file,
    source.lineOf(["metrics", "listen"]),
    `metrics.listen ${address.host} is reached from other machines`,
    "an address of this machine alone; elsewhere `/metrics` is on http.listen, for a token with the role reader",
    'listen: "127.0.0.1:9464"',
  );
}

function isLoopback(host: string): boolean {
  return host === "::1" || /^127\./.test(host);
}

export function addressOf(
  source: Source,
  listen: string,
  path: Path = ["http", "listen"],
  example = "127.0.0.1:8787",
): { host: string; port: number } {
  const [, host = "", port = ""] = /^(?:\[?([^\]]+?)\]?):(\d{1,5})$/.exec(listen) ?? [];
  if (isIP(host) !== 0 && Number(port) <= 65_535) return { host, port: Number(port) };
  throw invalid(
    source.file,
    source.lineOf(path),
    `${path.join(".")} is ${JSON.stringify(listen)}`,
    "an IP address and a port",
    `listen: "${example}"`,
  );
}

/** Gives config_invalid where a token is nowhere, or in two places. */
export function checkPlace(source: Source, path: Path, { name, file, env, sha256 }: RawToken): void {
  if ([file, env, sha256].filter((one) => one !== undefined).length === 1) return;
  const found = `the token of ${name} has not exactly one place`;
  throw invalid(source.file, source.lineOf(path), found, "one of `file`, `env` and `sha256`");
}

/** The token itself is not kept. */
function hashOf(source: Source, path: Path, raw: RawToken, directory: string, env: Environment): string {
  checkPlace(source, path, raw);
  const { name, file, env: variable, sha256 } = raw;
  const wrong = (found: string, expected: string) =>
    invalid(source.file, source.lineOf(path), `the token of ${name} ${found}`, expected);
  if (sha256 !== undefined) return sha256;
  const token = file === undefined ? env[variable ?? ""] : readToken(resolve(directory, file), wrong);
  if (token === undefined) throw wrong(`is in no variable ${variable}`, "one that is set at the start");
  if (!TOKEN.test(token)) {
    throw wrong("is too short or holds odd characters", "what `openssl rand -hex 32` prints, for example");
  }
  return createHash("sha256").update(token, "utf8").digest("hex");
}

/** Never a file that others can read. */
export function readToken(file: string, wrong: (found: string, expected: string) => Error): string {
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      throw wrong(`is in ${file}, which others can read`, `a file of mode 600 (chmod 600 ${file})`);
    }
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw wrong(`is in ${file}, which cannot be read`, "a file that this user can read");
  }
}
