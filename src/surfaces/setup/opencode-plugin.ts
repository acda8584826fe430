/** A plug-in for OpenCode that asks our hook before each call and tells it of the end; anything but a clear yes throws. */
export function renderPlugin(words: readonly string[]): string {
  return `// Written by \`countersign setup opencode\`; \`--remove\` takes it away. Gates OpenCode's tools by a person's approval.
import { spawn } from "node:child_process";

const [command, ...args] = ${JSON.stringify(words)};

function ask(event) {
  return new Promise((resolve, reject) => {
    const hook = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const out = [];
    const err = [];
    hook.stdout.on("data", (chunk) => out.push(chunk));
    hook.stderr.on("data", (chunk) => err.push(chunk));
    hook.on("error", (error) => reject(new Error(\`Countersign could not be asked: \${error.message}\`)));
    hook.on("close", (code) => {
      const said = Buffer.concat(err).toString("utf8").trim();
      if (code !== 0) return reject(new Error(said || "Countersign: nothing was approved."));
      try {
        resolve(JSON.parse(Buffer.concat(out).toString("utf8")));
      } catch {
        reject(new Error("Countersign gave no answer, so nothing was approved."));
      }
    });
    hook.stdin.on("error", () => {});
    hook.stdin.end(JSON.stringify(event));
  });
}

export const Countersign = async ({ directory }) => ({
  "tool.execute.before": async ({ tool, sessionID, callID }, output) => {
    const answer = await ask({ event: "tool.execute.before", tool, sessionID, callID, args: output.args, directory });
    if (answer.decision !== "allow") throw new Error(answer.reason ?? "Countersign: nothing was approved.");
    if (answer.args) {
      for (const name of Object.keys(output.args)) delete output.args[name];
      Object.assign(output.args, answer.args);
    }
  },
  "tool.execute.after": async ({ tool, sessionID, callID, args }, output) => {
    const told = typeof output?.output === "string" ? output.output.slice(0, 2000) : null;
    const event = { event: "tool.execute.after", tool, sessionID, callID, args: args ?? {}, directory, output: told };
    await ask(event).catch(() => {});
  },
});
`;
}
