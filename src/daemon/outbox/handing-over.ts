import type { Delivery } from "../../core/channel.ts";
import type { Message } from "../../document/message.ts";
import type { Clock } from "../ports.ts";
import type { Channel } from "./ports.ts";

/** Longer than any channel's own time; only for one that does not keep to it. */
const HANDED_OVER_WITHIN_MS = 120_000;

/** Hands a message to its channel, until it is called off. Never rejects, and never takes for ever. */
export async function handOver(
  message: Message,
  { channel, clock }: { readonly channel: Channel; readonly clock: Clock },
  calledOff: AbortSignal,
): Promise<Delivery> {
  const late = Promise.withResolvers<Delivery>();
  const giveUp = new AbortController();
  const signal = AbortSignal.any([giveUp.signal, calledOff]);
  const cancel = clock.after(HANDED_OVER_WITHIN_MS, () => {
    late.resolve(passing("it did not end in time"));
    giveUp.abort();
  });
  signal.addEventListener("abort", () => late.resolve(passing("it was called off")), { once: true });
  try {
    return await Promise.race([channel.deliver(message, signal), late.promise]);
  } catch (error) {
    return passing(error instanceof Error ? error.message : String(error));
  } finally {
    cancel();
  }
}

function passing(why: string): Delivery {
  return { ok: false, why, fault: "passing", after_ms: null };
}
