import { join } from "node:path";
import { clock } from "../adapters/clock.ts";
import { machineClocks, openClockGuard } from "../adapters/clock-guard.ts";
import { loadConfiguration } from "../adapters/configuration/load.ts";
import { openCountFile } from "../adapters/count-file.ts";
import type { Environment } from "../adapters/environment.ts";
import { isMerging } from "../adapters/git/repository.ts";
import { openHaltSwitch } from "../adapters/halt-switch.ts";
import { createLag } from "../adapters/lag.ts";
import { locate } from "../adapters/locations.ts";
import { openLog } from "../adapters/log.ts";
import { createMetrics } from "../adapters/metrics.ts";
import { openOtherTexts } from "../adapters/other-texts.ts";
import { createPolicyShelf } from "../adapters/policy-files.ts";
import { createRandom } from "../adapters/random.ts";
import { openVault } from "../adapters/vault/vault.ts";
import { createApplication } from "../application/application.ts";
import { createCaps } from "../application/caps.ts";
import { createCounting } from "../application/counting.ts";
import { openInForce } from "../application/in-force.ts";
import { judgeBy } from "../application/judging.ts";
import { tellShadow } from "../core/shadow.ts";
import { createAdoption } from "../daemon/adoption.ts";
import { createChronicle } from "../daemon/chronicle.ts";
import { createDaemon } from "../daemon/daemon.ts";
import { createDesk } from "../daemon/desk.ts";
import type { Ledger } from "../daemon/ports.ts";
import { createReviewing } from "../daemon/reviewing.ts";
import { createCommandHandler } from "../handlers/command.ts";
import { openCommandLink } from "../handlers/command-link.ts";
import { openGrantKeys } from "../handlers/grant.ts";
import { createToken, tokenMatches } from "../handlers/requester-token.ts";
import { openJournal } from "../ledger/journal.ts";
import { openSwitchLog } from "../ledger/switches.ts";
import type { GlobalOptions, StartedDaemon } from "../surfaces/cli/context.ts";
import { serveHttp } from "../surfaces/http/server.ts";
import { kindsOf, openServices } from "./executors.ts";
import { startHistory } from "./history.ts";
import { startOutbox } from "./outbox.ts";
import { policyKinds, ruleFiles, serviceNames, shadowed } from "./rules.ts";
import { watchVault } from "./watching.ts";

/** Running handlers get this long to end when the daemon is asked to stop. */
const STOP_GRACE_MS = 5_000;

export interface Outside {
  readonly env: Environment;
  readonly cwd: string;
  readonly version: string;
  /** Calls back when the operator wants the daemon to end. */
  readonly onStop: (stop: () => void) => void;
}

/**
 * Puts the daemon together from its parts and starts it; resolves once it serves. Gives config_missing, config_invalid,
 * vault_missing, state_unsafe, already_running, journal_damaged.
 */
export async function startDaemon(options: GlobalOptions, outside: Outside): Promise<StartedDaemon> {
  // What was opened before a later part failed is closed again, the last one first, so that nothing keeps the process.
  const opened: (() => Promise<void> | void)[] = [];
  try {
    return await wire(options, outside, opened);
  } catch (error) {
    for (const close of opened.reverse()) await close();
    throw error;
  }
}

async function wire(
  options: GlobalOptions,
  outside: Outside,
  opened: (() => Promise<void> | void)[],
): Promise<StartedDaemon> {
  const places = locate(options, outside.env, outside.cwd);
  const configuration = await loadConfiguration(places.configuration, outside.env);
  const { folders } = configuration;
  const log = openLog(configuration.log);
  const ledger = await openJournal({ directory: places.state });
  opened.push(() => ledger.close());
  if (ledger.repaired !== null)
    log.warn({ file: ledger.repaired }, "the journal's unfinished last write was cut off");
  const keys = await openGrantKeys(places.state);
  const vault = openVault({
    root: places.vault,
    folders,
    staging: [join(places.state, "staging"), join(places.vault, ".countersign")],
  });
  const halt = openHaltSwitch(places.state, clock.now);
  let onClock = () => {};
  const guard = openClockGuard({
    state: places.state,
    clocks: machineClocks,
    last: await lastOf(ledger),
    onChange(text) {
      log.warn({}, text ?? "the clock can be trusted again");
      onClock();
    },
  });
  const untrusted = guard.notice();
  if (untrusted !== null) log.warn({}, untrusted);
  const merging = () => isMerging(places.vault);
  const desk = createDesk({
    ...{ ledger, vault, clock, log, halt, guard, merging, folders },
    host: configuration.host,
    shadow: () => shadowed(configuration),
  });
  const chronicle = createChronicle({ ledger, vault, clock, folders });
  const link = openCommandLink();
  const commands = createCommandHandler({}, link);
  opened.push(() => commands.close());
  const shutdown = new AbortController();
  const kinds = kindsOf(configuration, link, commands, outside.env, shutdown.signal);
  const kind = (name: string) => kinds.get(name) ?? null;
  let onRules: (about: "policy" | "people") => void = () => {};
  const inForce = openInForce({
    ...ruleFiles(configuration, places.vault),
    kinds: policyKinds(configuration),
    services: serviceNames(configuration),
    clock,
    keep: createPolicyShelf(places.state),
    onTrouble(about, text) {
      log.warn({}, text ?? `${about}.yaml is in order again`);
      desk.setNotice(about, text);
    },
    onChange(about, snapshot) {
      log.info({ [about]: snapshot }, `a changed ${about}.yaml is in force`);
      void counting.ready(inForce.policy());
      onRules(about);
    },
  });
  opened.push(inForce.stop);
  const counting = createCounting({
    ...{ ledger, clock, guard, log, kind },
    store: openCountFile(join(places.state, "counted-limits.jsonl")),
    onReady: () => onRules("policy"),
  });
  opened.push(counting.stop);
  await counting.ready(inForce.policy());
  const lag = createLag();
  const caps = createCaps({
    ...{ ledger, clock, log },
    store: openCountFile(join(places.state, "counted-askers.jsonl")),
    settings: configuration.caps,
    onRefused: (text) => desk.setNotice("limits", text),
  });
  opened.push(caps.stop);
  await caps.ready;
  const policy = judgeBy(inForce.policy, clock, counting);
  const { people } = inForce;
  // Before anything new is recorded: nothing may happen that it does not hear of.
  const tell = { env: outside.env, ledger, log, desk, link, people };
  const outbox = await startOutbox(places, configuration, tell);
  opened.push(() => outbox.close());
  const daemon = createDaemon({
    policy,
    people,
    ledger,
    vault,
    clock,
    chronicle,
    guard,
    halt,
    desk,
    log,
    kind,
    otherTexts: openOtherTexts(places.state),
    merging,
    settle_ms: configuration.settle_ms,
    settle_ticks_ms: configuration.settle_ticks_ms,
    folders,
  });
  const application = createApplication({
    daemon,
    ledger,
    clock,
    guard,
    halt,
    switches: openSwitchLog({
      state: places.state,
      head: () => ledger.head(),
      nameLink: (hash) => ledger.nameLink(hash),
      now: clock.now,
    }),
    grants: { issue: keys.issue, verify: keys.verify, tokenMatches, publicKey: () => keys.publicKey },
    random: createRandom(),
    createToken,
    host: configuration.host,
    kind,
    kinds: [...kinds.keys()],
    policy,
    people,
    retry: configuration.retry,
    caps,
    watcherLag: lag.spread,
    about: { version: outside.version, pid: process.pid, vault: places.vault, state: places.state },
  });
  onRules = (about) => void (about === "people" ? daemon.lookAtOpen() : daemon.lookAtApproved());
  const services = openServices(configuration, link, outside.env);
  const reviewing = createReviewing({ ledger, daemon, clock, log, kind, services });
  opened.push(reviewing.stop);
  if (configuration.adopt !== null) {
    const { submit } = application;
    const ports = { vault, ledger, clock, desk, log, kind, merging, submit, ask: daemon.ask };
    const settings = configuration.adopt;
    daemon.onStrangers(createAdoption({ ...ports, settings, lookWithin: daemon.rescanWithin }));
  }
  onClock = () => {
    daemon.refreshDashboard();
    void daemon.lookAtOpen();
  };
  // First: what an earlier run left aside can be told from what is being written only while nothing is.
  await daemon.recover();
  const metrics = createMetrics({
    ledger,
    lag,
    channels: () => outbox.list(),
    isHalted: halt.isHalted,
    now: clock.now,
  });
  opened.push(metrics.stop);
  const http = await serveHttp(application, {
    sockets: places.sockets,
    tcp: configuration.http,
    channels: outbox,
    metrics: { read: metrics.read, listen: configuration.metrics },
    onBug: (error) => log.error({ err: error }, "a request to the daemon failed"),
  });
  opened.push(() => http.close());
  if (http.port !== null) log.info({ host: configuration.http?.host, port: http.port }, "serves over TCP");
  if (http.metricsPort !== null)
    log.info({ ...configuration.metrics, port: http.metricsPort }, "serves /metrics");
  const history = await startHistory(places, configuration, chronicle, { env: outside.env, log, desk });
  const watcher = watchVault(places, configuration, { daemon, lag, log, desk });
  await watcher.ready;
  await daemon.start();
  await reviewing.start();

  const { promise: finished, resolve, reject } = Promise.withResolvers<void>();
  let stopping = false;
  const stop = async (because: unknown) => {
    if (stopping) return;
    stopping = true;
    // From here on the daemon starts nothing: what is approved now is for the next start, not cut off by this end.
    inForce.stop();
    const counted = Promise.all([counting.stop(), caps.stop()]);
    metrics.stop();
    const daemonStopped = daemon.stop(STOP_GRACE_MS);
    shutdown.abort();
    await http.close();
    await watcher.close();
    await reviewing.stop();
    await daemonStopped;
    await counted;
    await vault.close();
    await outbox.close();
    commands.close();
    await chronicle.close();
    await history?.close();
    await ledger.close();
    log.info({}, "stopped");
    if (because === null) resolve();
    else reject(because);
  };
  daemon.onFatal((error) => void stop(error).catch(reject));
  outside.onStop(() => void stop(null).catch(reject));
  const shadow = shadowed(configuration);
  if (shadow.length > 0) log.warn({ shadow }, tellShadow(shadow) ?? "");
  log.info({ vault: places.vault, state: places.state }, "ready");
  const { vault: root, configuration: file, state, sockets } = places;
  const { warnings } = configuration;
  return { vault: root, configuration: file, state, sockets, shadow, warnings, finished };
}

/** When the journal's last record was made, by the clock of that time. */
async function lastOf(ledger: Ledger): Promise<{ seq: number; at: number } | null> {
  const { seq } = ledger.head();
  for await (const { event } of ledger.records(seq - 1)) return { seq, at: Date.parse(event.at) };
  return null;
}
