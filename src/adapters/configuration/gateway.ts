import { dirname } from "node:path";
import { Fault } from "../../core/codes.ts";
import type { Path } from "../../document/plain-yaml.ts";
import { whyNotUrl } from "../../outgoing/address.ts";
import type { McpServer } from "../../outgoing/mcp-server.ts";
import type { Environment } from "../environment.ts";
import { addressOf, checkPlace, hashesOf, overNetworks, type RawToken, readToken } from "./http.ts";
import { mcpServerOf, type RawMcpServer } from "./mcp-server.ts";
import { settleProgram } from "./program.ts";
import type { Value } from "./reference.ts";
import { checkShape } from "./shape.ts";
import { invalid, readSource, type Source } from "./source.ts";

/** `gateway:` once the schema has passed. */
export interface RawGateway {
  readonly listen?: string;
  readonly hosts?: readonly string[];
  readonly tokens?: readonly RawToken[];
  readonly upstreams: Readonly<Record<string, RawMcpServer>>;
}

/** What a gateway stands in front of, with every secret that it needs. */
export interface GatewaySettings {
  readonly upstreams: readonly GatewayUpstream[];
  /** Where agents are served over HTTP, and by which tokens; null where they are not. */
  readonly http: GatewayHttp | null;
  /** What is allowed and probably not meant; sentences for the operator. */
  readonly warnings: readonly string[];
}

interface GatewayHttp {
  readonly host: string;
  readonly port: number;
  readonly hosts: readonly string[];
  /** By SHA-256 (hex); the name is who asks. */
  readonly tokens: readonly { readonly name: string; readonly sha256: string }[];
}

type GatewayUpstream = { readonly name: string } & McpServer;

/** Which gateway of a configuration is wanted. */
export interface GatewayWanted {
  /** The upstreams; none for all of them. */
  readonly names: readonly string[];
  readonly http: boolean;
}

/**
 * Checks what is written, without a look at any secret: the daemon, which has no need of them, may not even be able to
 * read them. Throws `config_invalid`.
 */
export function checkGateway(source: Source, raw: RawGateway | undefined, directory: string): void {
  if (raw === undefined) return;
  const { listen, tokens, upstreams } = raw;
  if (listen !== undefined) addressOf(source, listen, ["gateway", "listen"], "127.0.0.1:8789");
  if ((listen === undefined) !== (tokens === undefined)) {
    const [has, needs] = listen === undefined ? ["tokens", "listen"] : ["listen", "tokens"];
    const found = `gateway has ${has} without ${needs}`;
    throw invalid(source.file, source.lineOf(["gateway", has ?? ""]), found, "both for HTTP, or neither");
  }
  for (const [at, token] of (tokens ?? []).entries()) checkPlace(source, ["gateway", "tokens", at], token);
  for (const [name, server] of Object.entries(upstreams))
    mcpServerOf(source, ["gateway", "upstreams", name], server, directory);
}

/**
 * Reads the gateway's part of a configuration by its absolute path, and nothing else of it: the gateway may run as
 * another user than the daemon. Whatever it would miss later stops it now. Gives config_missing, config_invalid, usage.
 */
export async function loadGateway(
  file: string,
  env: Environment,
  { names, http }: GatewayWanted,
): Promise<GatewaySettings> {
  const source = await readSource(file);
  const directory = dirname(file);
  checkShape(source);
  const { gateway: raw } = source.value as { gateway?: RawGateway };
  if (raw === undefined) {
    const example =
      "gateway: { upstreams: { files: { command: [npx, -y, server-filesystem, /srv/files] } } }";
    const hint = `Say what stands behind it, such as ${example}, or name a command after --.`;
    throw new Fault("config_invalid", `${file} has no gateway.`, hint);
  }
  checkGateway(source, raw, directory);
  const known = Object.keys(raw.upstreams);
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined) {
    const hint = `There are ${known.join(", ")}; a command goes after --.`;
    throw new Fault("usage", `The gateway in ${file} has no upstream ${JSON.stringify(stranger)}.`, hint);
  }
  const wanted = known.filter((name) => names.length === 0 || names.includes(name));
  const served = http ? httpOf(source, raw, directory, env) : null;
  return {
    upstreams: wanted.map((name) => upstreamOf(source, name, raw.upstreams[name] ?? {}, directory, env)),
    http: served,
    warnings: served === null ? [] : overNetworks("gateway.listen", served.host),
  };
}

function httpOf(source: Source, raw: RawGateway, directory: string, env: Environment): GatewayHttp {
  const { listen, hosts = [], tokens } = raw;
  if (listen === undefined || tokens === undefined) {
    const expected = "`listen:` and `tokens:` for --http";
    const example = 'listen: "127.0.0.1:8789"';
    throw invalid(source.file, source.lineOf(["gateway"]), "gateway has no address", expected, example);
  }
  const hashes = hashesOf(source, ["gateway", "tokens"], tokens, directory, env);
  return {
    ...addressOf(source, listen, ["gateway", "listen"], "127.0.0.1:8789"),
    hosts,
    tokens: tokens.map(({ name }, at) => ({ name, sha256: hashes[at] ?? "" })),
  };
}

function upstreamOf(
  source: Source,
  name: string,
  raw: RawMcpServer,
  directory: string,
  env: Environment,
): GatewayUpstream {
  const path = ["gateway", "upstreams", name];
  const server = mcpServerOf(source, path, raw, directory);
  if (server.by === "command") {
    const { argv, env: given } = server;
    const { settings, warnings } = settleProgram({ kind: path.join("."), argv, env: given }, directory, env);
    const [missing] = warnings;
    if (missing === undefined)
      return { name, by: "command", argv: settings.argv, env: settings.env, cwd: directory };
    const hint = "It has to be there before the gateway starts.";
    throw new Fault("config_invalid", `${source.file}:${source.lineOf(path)}: ${missing}`, hint);
  }
  const { allow_private } = server;
  const url = lookUp(source, [...path, "url"], server.url, env);
  const wrong = whyNotUrl(url, allow_private);
  if (wrong !== null) {
    const at = [...path, "url"];
    throw invalid(source.file, source.lineOf(at), `${at.join(".")} ${wrong}`, "an https:// URL");
  }
  const token = server.token === null ? null : lookUp(source, [...path, "token"], server.token, env);
  return { name, by: "url", url, token, allow_private };
}

function lookUp(source: Source, path: Path, value: Value, env: Environment): string {
  if ("plain" in value) return value.plain;
  const wrong = (found: string, expected: string) =>
    invalid(source.file, source.lineOf(path), `${path.join(".")} ${found}`, expected);
  const text = "env" in value ? env[value.env] : readToken(value.file, wrong);
  if (text !== undefined && text !== "") return text;
  throw "env" in value
    ? wrong(`is in no variable ${value.env}`, "one that is set at the start")
    : wrong(`is in ${value.file}, which is empty`, "a file with it");
}
