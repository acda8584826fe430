import type { Path } from "../../document/plain-yaml.ts";
import { type RawValue, settledUrl, settledValue, type Value } from "./reference.ts";
import { invalid, type Source } from "./source.ts";

/** How an MCP server is reached, once the schema has passed. */
export interface RawMcpServer {
  readonly command?: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string | null>>;
  readonly url?: RawValue;
  readonly token?: RawValue;
  readonly allow_private?: boolean;
}

/** As it is written: the program is not looked for, and `null` is still to be passed on. */
interface McpProgram {
  readonly by: "command";
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | null>>;
}

export interface McpAddress {
  readonly by: "url";
  readonly url: Value;
  readonly token: Value | null;
  readonly allow_private: boolean;
}

/** Checks what is written, and looks nothing up. Throws `config_invalid`. */
export function mcpServerOf(
  source: Source,
  at: Path,
  { command, env, url, token, allow_private }: RawMcpServer,
  directory: string,
): McpProgram | McpAddress {
  const wrong = (found: string, expected: string) =>
    invalid(source.file, source.lineOf(at), `${at.join(".")} ${found}`, expected);
  if ((command === undefined) === (url === undefined)) {
    throw wrong(
      command === undefined ? "says not where it is" : "has both",
      "exactly one of `command:` and `url:`",
    );
  }
  if (command !== undefined) {
    if (token !== undefined || allow_private !== undefined)
      throw wrong("has what goes with a URL", "`command:` and `env:`");
    if (command.some((argument) => argument.includes("\0")))
      throw wrong("has an argument with a NUL", "a program's name or path, and its arguments");
    return { by: "command", argv: command, env: env ?? {} };
  }
  if (env !== undefined) throw wrong("has an environment for no program", "`env:` only with `command:`");
  const private_too = allow_private ?? false;
  return {
    by: "url",
    url: settledUrl(source, [...at, "url"], url ?? "", { allow_private: private_too, directory }),
    token: token === undefined ? null : settledValue(token, directory),
    allow_private: private_too,
  };
}
