import { basename } from "node:path";
import { clock } from "../adapters/clock.ts";
import type { Configuration } from "../adapters/configuration/configuration.ts";
import type { Environment } from "../adapters/environment.ts";
import type { Locations } from "../adapters/locations.ts";
import { openChannels } from "../adapters/notify/channels.ts";
import { openOutboxFiles } from "../adapters/notify/store.ts";
import type { People } from "../core/people.ts";
import type { Desk } from "../daemon/desk.ts";
import { openOutbox } from "../daemon/outbox/outbox.ts";
import type { ChannelState } from "../daemon/outbox/ports.ts";
import type { Ledger, Log } from "../daemon/ports.ts";
import type { CommandLink } from "../handlers/command-link.ts";

/** Tells people what happens; where nobody is to be told, it does nothing. */
export function startOutbox(
  places: Locations,
  { notify, directory }: Configuration,
  {
    env,
    ledger,
    log,
    desk,
    link,
    people,
  }: {
    env: Environment;
    ledger: Ledger;
    log: Log;
    desk: Desk;
    link: CommandLink;
    people: () => People;
  },
) {
  const { now } = clock;
  const { platform } = process;
  return openOutbox({
    channels: openChannels(notify, { env, now, cwd: directory, start: link.start, platform }),
    store: openOutboxFiles<ChannelState>(places.state),
    ledger,
    clock,
    log,
    random: Math.random,
    vault: basename(places.vault),
    people,
    onTrouble: (text) => desk.setNotice("messages", text),
  });
}
