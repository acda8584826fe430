import { createHash } from "node:crypto";
import { existsSync, lstatSync, realpathSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { Fault } from "../core/codes.ts";
import type { Environment } from "./environment.ts";

/** Where everything of one vault is; absolute paths. Nothing of it but the vault need exist. */
export interface Locations {
  /** The vault's real path. */
  readonly vault: string;
  /** The folder's name, made safe, and 8 hex digits of the real path's SHA-256. */
  readonly vault_id: string;
  readonly configuration: string;
  readonly state: string;
  readonly sockets: { readonly agent: string; readonly reviewer: string };
  /** Where the command line keeps the tokens of `caller` requests. */
  readonly tokens: string;
  /** Where the gateway keeps how the tools of MCP servers were described when they were accepted. */
  readonly pins: string;
}

export interface LocateOptions {
  readonly vault?: string | undefined;
  readonly config?: string | undefined;
  readonly state?: string | undefined;
}

/** What the kernel takes for a socket's path is 104 bytes on some systems, its end mark included, and 108 on others. */
const SOCKET_PATH_LIMIT_BYTES = 100;

/** Keeps `<vault-id>` short enough for socket paths and file names. */
const NAME_LIMIT = 32;

/** A vault without its folders is recognised by nothing else. */
const MARK = "Pending_Approval";

/**
 * Finds the vault and what belongs to it. Gives vault_missing, state_unsafe (a state directory inside the vault, or a
 * directory for sockets that another user could have made) and config_invalid (a configuration inside the vault that
 * no `--config` names).
 */
export function locate(options: LocateOptions, env: Environment, cwd: string): Locations {
  const vault = realVault(chooseVault(options.vault, env, cwd), cwd);
  const vault_id = `${safeName(basename(vault))}-${shortHash(vault)}`;
  const configuration = configurationOf(options.config, vault, vault_id, env, cwd);
  const states = join(xdg(env, "XDG_STATE_HOME", ".local/state"), "countersign");
  const state = options.state === undefined ? join(states, vault_id) : resolve(cwd, options.state);
  if (isInside(vault, state)) {
    throw new Fault(
      "state_unsafe",
      `The state directory ${state} is inside the vault.`,
      "Name a directory outside with --state: whoever writes the vault must not write the journal.",
    );
  }
  // Two states of one vault must not meet at one socket.
  const socketsId = options.state === undefined ? vault_id : `${vault_id}-${shortHash(state)}`;
  const base = socketBase(state, socketsId, env);
  return {
    vault,
    vault_id,
    configuration,
    state,
    sockets: { agent: join(base, "agent/socket"), reviewer: join(base, "reviewer/socket") },
    tokens: join(states, "tokens"),
    pins: join(states, "pins"),
  };
}

function chooseVault(named: string | undefined, env: Environment, cwd: string): string {
  const chosen = named ?? env.COUNTERSIGN_VAULT;
  if (chosen !== undefined && chosen !== "") return chosen;
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (isDirectory(join(folder, MARK))) return folder;
    if (folder === dirname(folder)) break;
  }
  throw new Fault(
    "vault_missing",
    `No vault is named, and neither ${cwd} nor a folder above it has a ${MARK} folder.`,
    "Name one with --vault DIR or $COUNTERSIGN_VAULT; `countersign init --vault DIR` makes one.",
  );
}

function realVault(chosen: string, cwd: string): string {
  const path = resolve(cwd, chosen);
  if (!isDirectory(path)) {
    throw new Fault(
      "vault_missing",
      existsSync(path) ? `The vault ${path} is not a folder.` : `There is no vault at ${path}.`,
    );
  }
  return realpathSync(path);
}

function configurationOf(
  named: string | undefined,
  vault: string,
  vaultId: string,
  env: Environment,
  cwd: string,
): string {
  if (named !== undefined) return resolve(cwd, named);
  const fromEnv = env.COUNTERSIGN_CONFIG;
  const found = fromEnv
    ? resolve(cwd, fromEnv)
    : join(xdg(env, "XDG_CONFIG_HOME", ".config"), "countersign", vaultId, "countersign.yaml");
  if (!isInside(vault, found)) return found;
  throw new Fault(
    "config_invalid",
    `The configuration ${found} is inside the vault, where whoever writes notes could change what runs.`,
    "Move it out of the vault, or name it with --config to use it all the same.",
  );
}

function socketBase(state: string, id: string, env: Environment): string {
  if (fits(state)) return state;
  const runtime = env.XDG_RUNTIME_DIR;
  if (runtime !== undefined && isAbsolute(runtime)) {
    const base = join(runtime, "countersign", id);
    if (fits(base)) return base;
  }
  const shared = join(sep, "tmp", `countersign-${userInfo().uid}`);
  refuseForeign(shared);
  return join(shared, id);
}

function fits(base: string): boolean {
  return Buffer.byteLength(join(base, "reviewer/socket")) <= SOCKET_PATH_LIMIT_BYTES;
}

/** Where everybody may make folders, one that is there already must be ours alone: a client would trust its socket. */
function refuseForeign(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory() && found.uid === userInfo().uid && (found.mode & 0o077) === 0) return;
  throw new Fault(
    "state_unsafe",
    `${folder} is not a directory of this user alone, so it cannot hold the sockets.`,
    "Remove it, or choose a shorter path with --state DIR.",
  );
}

/** A base directory as the XDG specification has it: relative values do not count. */
function xdg(env: Environment, name: string, fallback: string): string {
  const value = env[name];
  if (value !== undefined && isAbsolute(value)) return value;
  const home = env.HOME !== undefined && isAbsolute(env.HOME) ? env.HOME : homedir();
  return join(home, fallback);
}

/** By real paths, so that no link leads a path out of sight; what does not exist yet counts by its parents. */
function isInside(vault: string, path: string): boolean {
  let existing = path;
  let rest = "";
  while (!existsSync(existing) && existing !== dirname(existing)) {
    rest = join(basename(existing), rest);
    existing = dirname(existing);
  }
  const real = join(realpathSync(existing), rest);
  return real === vault || real.startsWith(vault.endsWith(sep) ? vault : vault + sep);
}

function safeName(name: string): string {
  const safe = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, NAME_LIMIT);
  return safe === "" ? "vault" : safe;
}

function shortHash(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 8);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
