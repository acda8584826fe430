import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import { type Dialect, failureOf, line, mapIn, optionalText, resultOf, textIn } from "./dialect.ts";

/** What our plug-in in OpenCode asks, and how it wants to be answered: the form is our own on both sides. */
export const opencode: Dialect = {
  read(input) {
    const name = textIn(input, "event");
    const session = textIn(input, "sessionID");
    if (name === "session.idle") return { type: "end", session, turn: false };
    const callId = optionalText(input, "callID");
    const call = {
      tool: textIn(input, "tool"),
      input: mapIn(input, "args"),
      cwd: optionalText(input, "directory"),
    };
    if (name === "tool.execute.before") {
      return { type: "before", session, callId, moment: null, call, dialog: false, editable: true };
    }
    if (name !== "tool.execute.after")
      throw new Fault("invalid_request", `The event ${name} is not known here.`);
    const outcome =
      "error" in input ? { failed: failureOf(input.error) } : { result: resultOf(input.output) };
    return { type: "after", session, callId, call, outcome };
  },
  allow: (_event, args) => line({ decision: "allow", ...(args !== null && { args }) } satisfies JsonObject),
  deny: (_event, reason) => line({ decision: "deny", reason }),
  pass: () => line({ decision: "allow" }),
};
