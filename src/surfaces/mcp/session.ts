import { randomUUID } from "node:crypto";
import { requesterName } from "../agent/requester.ts";

/**
 * Clients of the earlier era say what they are in their greeting alone, and then only which session they were given: so
 * that says it, and nothing has to be remembered here. It proves nothing, as little as the greeting does.
 */
export const SESSION_HEADER = "mcp-session-id";

/** Greetings are short. */
const GREETING_BYTES = 64 * 1024;

/** The session that a greeting is answered with; null where this is none, or says no name. */
export async function sessionFor(request: Request): Promise<string | null> {
  const { headers, method } = request;
  const isLater = headers.has("mcp-protocol-version") || headers.has(SESSION_HEADER);
  const length = Number(headers.get("content-length") ?? Number.NaN);
  if (method !== "POST" || isLater || !(length <= GREETING_BYTES)) return null;
  const name = requesterName(nameIn(await request.clone().text()), "");
  return name === "" ? null : `${name}:${randomUUID()}`;
}

/** What the client has called itself; undefined where that is not known. */
export function clientIn({ headers }: Request): string | undefined {
  return /^([^:]{1,64}):[\w-]+$/.exec(headers.get(SESSION_HEADER) ?? "")?.[1];
}

function nameIn(body: string): string | undefined {
  let said: { method?: unknown; params?: { clientInfo?: { name?: unknown } | null } | null } | null;
  try {
    said = JSON.parse(body);
  } catch {
    return undefined;
  }
  const name = said?.method === "initialize" ? said.params?.clientInfo?.name : undefined;
  return typeof name === "string" ? name : undefined;
}
