import { Fault } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { Request, RequestId } from "../core/request.ts";
import { step } from "../core/transitions.ts";
import { canonical } from "./record.ts";

/** An event that is allowed, and what it leads to. */
export interface Step {
  readonly event: Event;
  /** The event's canonical JSON. */
  readonly text: string;
  readonly after: Request;
}

/** Takes a request through events. Throws the core's refusal at the first that is not allowed: then none of them is recorded. */
export function stepsFrom(id: RequestId, from: Request | null, events: readonly Event[]): Step[] {
  let request = from;
  return events.map((event) => {
    const stepped = step(request, event);
    if (!stepped.ok) throw new Fault(stepped.refusal.code, stepped.refusal.message, stepped.refusal.hint);
    if (stepped.request.submission.fields.id !== id) {
      throw new Error(`an event of request ${stepped.request.submission.fields.id} was appended to ${id}`);
    }
    request = stepped.request;
    return { event, text: canonical(event), after: stepped.request };
  });
}
