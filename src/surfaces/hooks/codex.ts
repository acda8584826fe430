import { claudeCode, denyInClaudeForm, dialogAnswer, gateAnswer, readClaudeForm } from "./claude-code.ts";
import type { Dialect } from "./dialect.ts";

/** Codex has Claude Code's form, but an `allow` without another input is no answer to it: silence is. */
export const codex: Dialect = {
  ...claudeCode,
  read: (input) => readClaudeForm(input, { dialogEdits: false }),
  allow(event, updatedInput, reason) {
    if (event.dialog) return dialogAnswer({ behavior: "allow" });
    return updatedInput === null ? "" : gateAnswer("allow", reason, { updatedInput });
  },
  deny: denyInClaudeForm,
};
