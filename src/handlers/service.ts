import { Fault } from "../core/codes.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { parseStrictJson } from "../document/json.ts";
import type { ServiceDialect } from "../document/service-exchange.ts";
import { postSigned, type Receiver } from "../outgoing/signed-post.ts";
import type { CommandLink } from "./command-link.ts";
import { type ModuleSpec, startModule } from "./module-run.ts";

/**
 * Programs that may be named as approvers, and how they are asked. No answer in time, too long a one and one that is not
 * exactly JSON is a rejection with a sentence; what an answer says is for others to judge.
 */
export interface Service {
  readonly dialect: ServiceDialect;
  readonly ask: (question: Json, signal: AbortSignal) => Promise<Json>;
}

export interface ServicePorts {
  /** Lets only so many be asked at one time. */
  readonly take: <T>(ask: () => Promise<T>) => Promise<T>;
  /** In ms since the epoch. */
  readonly now: () => number;
}

/** An answer is a word and a reason. */
const ANSWER_LIMIT_BYTES = 65_536;
const KILL_GRACE_MS = 2_000;

/** A service that is asked by a signed POST, and answers in its response. */
export function webhookService(
  dialect: ServiceDialect,
  receiver: Receiver,
  timeout_ms: number,
  { take, now }: ServicePorts,
): Service {
  const post = async (question: Json, signal: AbortSignal): Promise<Json> => {
    const { digest } = question as JsonObject;
    const answer = await postSigned(receiver, {
      // The same for every time that the same is asked.
      id: `review-${String(digest).replace(/^sha256:/, "")}`,
      body: JSON.stringify(question),
      timeout_ms,
      body_limit_bytes: ANSWER_LIMIT_BYTES,
      now: now(),
      signal,
    });
    if (answer.got !== "answer") {
      const what = answer.got === "nothing" && answer.sent ? "It did not answer" : "It could not be asked";
      throw new Error(`${what}: ${answer.why}.`);
    }
    const { status, extent, body } = answer;
    if (status >= 300 && status < 400)
      throw new Error(`It answered HTTP ${status}: redirects are not followed.`);
    if (status < 200 || status >= 300) throw new Error(`It answered HTTP ${status}.`);
    if (extent === "broken") throw new Error("Its answer broke off.");
    return read(body, extent === "cut");
  };
  return { dialect, ask: (question, signal) => take(() => post(question, signal)) };
}

/** A service that is a file which exports `review(question)`. */
export function moduleService(
  dialect: ServiceDialect,
  spec: ModuleSpec,
  link: Pick<CommandLink, "start">,
  { take }: ServicePorts,
): Service {
  const limits = { output_limit_bytes: ANSWER_LIMIT_BYTES, kill_grace_ms: KILL_GRACE_MS };
  const run = async (question: Json, signal: AbortSignal): Promise<Json> => {
    if (signal.aborted) throw new Error("It was called off.");
    const started = startModule(link, spec, { name: "review", argument: question }, limits);
    signal.addEventListener("abort", started.stop, { once: true });
    const report = await started.report;
    signal.removeEventListener("abort", started.stop);
    switch (report.came) {
      case "returned":
        if (report.text === null) throw new Error("Its answer is no JSON.");
        return read(report.text, report.cut);
      case "threw":
        throw new Error(`It failed: ${report.why}`);
      case "unready":
      case "nothing":
        throw new Error(`There is no answer: ${report.why}`);
    }
  };
  return { dialect, ask: (question, signal) => take(() => run(question, signal)) };
}

function read(text: string, cut: boolean): Json {
  if (cut) throw new Error(`Its answer is longer than ${ANSWER_LIMIT_BYTES} bytes.`);
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (error instanceof Fault) throw new Error(`Its answer is not plain JSON: ${error.message}`);
    throw error;
  }
}
