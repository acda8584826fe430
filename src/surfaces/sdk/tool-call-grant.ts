import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";

/** The params of a `tools/call`, as they were sent. */
export interface ToolCallGiven {
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
}

export interface ToolCallExpected {
  /** The server's name behind the gateway. */
  readonly server: string;
  /**
   * The annotations that the server lists the tool with. A rule may have let the call pass because of them, so a grant by
   * others is refused. Without any the tool may destroy, as the protocol has it.
   */
  readonly annotations?: {
    readonly readOnlyHint?: boolean | undefined;
    readonly destructiveHint?: boolean | undefined;
    readonly idempotentHint?: boolean | undefined;
    readonly openWorldHint?: boolean | undefined;
  };
  /**
   * Says whether the request was seen before, and remembers that it now was, in one step and until then; for servers that
   * run in several processes, or may be restarted before a grant runs out. Without it this process remembers.
   */
  readonly seen?: (id: string, until: Date) => boolean | Promise<boolean>;
  /** Also takes calls for which nobody was asked only because the operator has put the kind in shadow, to try the rules. */
  readonly shadow?: boolean;
}

/** Until when, in ms since 1970, by request: whoever claimed it can have many grants of the one. */
const taken = new Map<string, number>();

/** Gives grant_invalid. */
export function grantIn({ _meta }: ToolCallGiven): string {
  const grant = _meta?.["countersign/grant"];
  if (typeof grant === "string") return grant;
  const hint = "Call the tool through the gateway; nobody else is given a grant.";
  throw new Fault("grant_invalid", "The call has no grant.", hint);
}

/** The action that a gateway asks about for this call. */
export function calledAction(
  { name, arguments: input = {} }: ToolCallGiven,
  { server, annotations = {} }: ToolCallExpected,
): { kind: string; params: JsonObject } {
  const hints = {
    read_only: annotations.readOnlyHint ?? false,
    destructive: annotations.destructiveHint ?? true,
    idempotent: annotations.idempotentHint ?? false,
    open_world: annotations.openWorldHint ?? true,
  };
  return { kind: "mcp_tool", params: { server, tool: name, input: input as JsonObject, hints } };
}

/** Gives grant_used. */
export async function takeOnce(
  { sub: id, exp }: { readonly sub: string; readonly exp: number },
  seen: ToolCallExpected["seen"] = seenHere,
): Promise<void> {
  // What is no plain no, from a store that is broken for instance, is not taken for one.
  if ((await seen(id, new Date(exp * 1_000))) !== false) throw new Fault("grant_used");
}

function seenHere(id: string, until: Date): boolean {
  const now = Date.now();
  for (const [old, end] of taken) if (end <= now) taken.delete(old);
  if (taken.has(id)) return true;
  taken.set(id, until.getTime());
  return false;
}
