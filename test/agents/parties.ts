import { execFileSync, type StdioOptions } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolUse } from "./fake-model.ts";

/** A real agent, as it is run without a terminal against a model on loopback. */
export interface Party {
  readonly name: "claude-code" | "codex" | "gemini" | "copilot" | "opencode";
  readonly binary: string;
  /** What its model calls, to run a shell command. */
  use(command: string): (offered: readonly string[]) => ToolUse | null;
  env(port: number, home: string): Record<string, string>;
  /** Writes what it needs in its home, besides our hooks. */
  prepare(home: string, port: number, work: string): void;
  readonly words: readonly string[];
}

const shell =
  (names: readonly string[], input: (command: string) => object) =>
  (command: string) =>
  (offered: readonly string[]): ToolUse | null => {
    const name = names.find((one) => offered.includes(one));
    return name === undefined ? null : { name, input: input(command) };
  };

function write(file: string, text: string): void {
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
}

export const PARTIES: readonly Party[] = [
  {
    name: "claude-code",
    binary: "claude",
    use: shell(["Bash"], (command) => ({ command, description: "write a file" })),
    env: (port) => ({
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
      ANTHROPIC_API_KEY: "sk-ant-fake-local",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      IS_SANDBOX: "1",
    }),
    prepare() {},
    // Its own rules would let everything run, so that what stops it is the hook alone.
    words: ["-p", "go on", "--output-format", "json", "--permission-mode", "bypassPermissions"],
  },
  {
    name: "codex",
    binary: "codex",
    use: shell(["exec_command", "shell_command", "shell"], (cmd) => ({ cmd })),
    env: () => ({ FAKE_KEY: "fake" }),
    prepare: (home, port) =>
      write(
        join(home, ".codex/config.toml"),
        `model = "fake-1"
model_provider = "fake"
check_for_update_on_startup = false
[model_providers.fake]
name = "fake"
base_url = "http://127.0.0.1:${port}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
requires_openai_auth = false
request_max_retries = 0
stream_max_retries = 0
[features]
enable_request_compression = false
[analytics]
enabled = false
`,
      ),
    words: [
      "exec",
      "--skip-git-repo-check",
      "--json",
      "--dangerously-bypass-hook-trust",
      "--dangerously-bypass-approvals-and-sandbox",
      "go on",
    ],
  },
  {
    name: "gemini",
    binary: "gemini",
    use: shell(["run_shell_command"], (command) => ({ command, description: "write a file" })),
    env: (port) => ({
      GEMINI_API_KEY: "fake",
      GOOGLE_GEMINI_BASE_URL: `http://127.0.0.1:${port}`,
      GEMINI_CLI_TRUST_WORKSPACE: "true",
      GEMINI_CLI_NO_RELAUNCH: "true",
    }),
    prepare: (home) =>
      write(
        join(home, ".gemini/settings.json"),
        JSON.stringify({ security: { auth: { selectedType: "gemini-api-key" } } }),
      ),
    words: ["--approval-mode", "yolo", "-p", "go on"],
  },
  {
    name: "copilot",
    binary: "copilot",
    use: shell(["bash"], (command) => ({ command, description: "write a file" })),
    env: (port) => ({
      COPILOT_PROVIDER_BASE_URL: `http://127.0.0.1:${port}/v1`,
      COPILOT_MODEL: "fake-1",
      COPILOT_OFFLINE: "true",
    }),
    prepare() {},
    words: ["-p", "go on", "--allow-all-tools", "--disable-client-telemetry", "--no-auto-update"],
  },
  {
    name: "opencode",
    binary: "opencode",
    use: shell(["bash"], (command) => ({ command, description: "write a file" })),
    env: () => ({ OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" }),
    prepare: (home, port) =>
      write(
        join(home, ".config/opencode/opencode.json"),
        JSON.stringify({
          model: "fake/fake-1",
          small_model: "fake/fake-1",
          provider: {
            fake: {
              npm: "@ai-sdk/openai-compatible",
              name: "fake",
              options: { baseURL: `http://127.0.0.1:${port}/v1`, apiKey: "fake" },
              models: { "fake-1": { name: "fake" } },
            },
          },
          permission: { bash: "allow", edit: "allow" },
        }),
      ),
    words: ["run", "go on"],
  },
];

/** The version that is installed in a folder; null where the agent is not there. */
export function versionOf({ binary }: Party, folder: string): string | null {
  const path = join(folder, "node_modules/.bin", binary);
  if (!existsSync(path)) return null;
  const home = mkdtempSync(join(tmpdir(), "cs-version-"));
  try {
    const env = { PATH: `${process.execPath}/..:${process.env.PATH}`, HOME: home };
    const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
    const said = execFileSync(path, ["--version"], { encoding: "utf8", env, stdio });
    return /\d+\.\d+\.\d+/.exec(said)?.[0] ?? said.trim();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
