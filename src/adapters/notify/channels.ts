import type { ChannelSettings } from "../configuration/channels.ts";
import { discordBody, ntfyBody, slackBody, teamsBody } from "./chats.ts";
import { daily } from "./daily.ts";
import { mailChannel } from "./mail.ts";
import { commandChannel, desktopChannel, type StartProgram } from "./program.ts";
import { type WebPorts, webChannel } from "./web.ts";
import { signedPayload } from "./webhook.ts";

export interface ChannelPorts extends WebPorts {
  /** The working directory of commands. */
  readonly cwd: string;
  readonly start: StartProgram;
  /** As Node.js calls it. */
  readonly platform: string;
}

/** The channels of a configuration, ready to be handed messages. Nothing is connected to before that. */
export function openChannels(settings: readonly ChannelSettings[], ports: ChannelPorts) {
  return settings.map((one) => {
    const { name, events, trusted, burst, digest, out } = one;
    const deliver = delivererOf(out, ports);
    return {
      name,
      kind: out.kind,
      events,
      trusted,
      burst,
      digest: digest === null ? null : daily(digest),
      deliver,
    };
  });
}

function delivererOf(out: ChannelSettings["out"], ports: ChannelPorts) {
  switch (out.kind) {
    case "slack":
      return webChannel(out, ports, (message) => ({ body: slackBody(message) }));
    case "teams":
      return webChannel(out, ports, (message) => ({ body: teamsBody(message) }));
    case "discord":
      return webChannel(out, ports, (message) => ({ body: discordBody(message) }));
    case "ntfy":
      return webChannel(out, ports, (message, read) => ({
        body: ntfyBody(message, read(out.topic)),
        ...(out.token !== null && { headers: { authorization: `Bearer ${read(out.token)}` } }),
      }));
    case "webhook":
      return webChannel(out, ports, (message, read) => signedPayload(message, read(out.secret), ports.now()));
    case "smtp":
      return mailChannel(out, ports.env);
    case "desktop":
      return desktopChannel(ports.start, ports.env, ports.platform);
    case "command":
      return commandChannel(out.run, ports.cwd, out.timeout_ms, ports.start);
  }
}
