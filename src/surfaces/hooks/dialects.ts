import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { copilot } from "./copilot.ts";
import { cursor } from "./cursor.ts";
import type { Dialect } from "./dialect.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";

export const DIALECTS = {
  "claude-code": claudeCode,
  codex,
  gemini,
  copilot,
  cursor,
  opencode,
} as const satisfies Record<string, Dialect>;

export type AgentName = keyof typeof DIALECTS;
