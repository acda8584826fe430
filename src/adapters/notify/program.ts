import type { Delivery } from "../../core/channel.ts";
import { type Message, plainText } from "../../document/message.ts";
import type { RunSettings } from "../configuration/program.ts";
import type { Environment } from "../environment.ts";
import { eventText } from "./webhook.ts";

/** What starts programs for the daemon: argument vectors, an environment of their own, and no shell. */
export type StartProgram = (order: {
  readonly run: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeout_ms: number;
  readonly kill_grace_ms: number;
  readonly output_grace_ms: number;
  readonly output_limit_bytes: number;
  readonly error_limit_bytes: number;
}) => { readonly report: Promise<Report>; stop(): void };

type Report =
  | { readonly type: "not_started"; readonly code: string }
  | { readonly type: "lost" }
  | {
      readonly type: "ended";
      readonly code: number | null;
      readonly signal: string | null;
      readonly stopped: "timeout" | "abort" | null;
      readonly stderr: string;
    };

/** A program of the operator's: the message as one JSON document on standard input, exit 0 says it was taken. */
export function commandChannel(
  { argv, env }: RunSettings,
  cwd: string,
  timeout_ms: number,
  start: StartProgram,
) {
  return (message: Message, signal: AbortSignal) =>
    runOnce(start, { run: argv, cwd, env, input: `${eventText(message)}\n`, timeout_ms }, signal);
}

const DESKTOP_MS = 10_000;
/** What a desktop's notifier needs to find the person's session. */
const SESSION = ["PATH", "HOME", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"];

/** The desktop of whoever runs the daemon. */
export function desktopChannel(start: StartProgram, env: Environment, platform: string) {
  const session: Record<string, string> = {};
  for (const name of platform === "win32" ? Object.keys(env) : SESSION) {
    const value = env[name];
    if (value !== undefined) session[name] = value;
  }
  return (message: Message, signal: AbortSignal) => {
    const { run, input } = desktopCommand(message, platform);
    return runOnce(start, { run, cwd: "/", env: session, input, timeout_ms: DESKTOP_MS }, signal);
  };
}

/** The text is an argument of its own, or standard input: never part of a script. */
export function desktopCommand(
  message: Message,
  platform: string,
): { run: readonly string[]; input: string } {
  const text = plainText({ ...message, link: "" }).replace(/\n*Open: $/, "");
  if (platform === "darwin") {
    const show = 'display notification (item 2 of argv) with title "Countersign" subtitle (item 1 of argv)';
    return {
      run: ["osascript", "-e", "on run argv", "-e", show, "-e", "end run", message.title, text],
      input: "",
    };
  }
  if (platform === "win32") {
    const run = ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", TOAST];
    return { run, input: JSON.stringify({ title: message.title, text }) };
  }
  const urgency = message.urgent ? "critical" : "normal";
  // The text may hold markup, by the desktop notifications specification; the title may not.
  const body = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const options = ["--app-name=Countersign", `--urgency=${urgency}`];
  return { run: ["notify-send", ...options, "--", message.title, body], input: "" };
}

const TOAST = [
  "[Console]::InputEncoding = [Text.Encoding]::UTF8",
  "$m = [Console]::In.ReadToEnd() | ConvertFrom-Json",
  "$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]",
  "$x = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent(1)",
  "$t = $x.GetElementsByTagName('text')",
  "$null = $t.Item(0).AppendChild($x.CreateTextNode($m.title + ' ' + $m.text))",
  "$n = [Windows.UI.Notifications.ToastNotification]::new($x)",
  "[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier('Countersign').Show($n)",
].join("; ");

async function runOnce(
  start: StartProgram,
  order: Pick<Parameters<StartProgram>[0], "run" | "cwd" | "env" | "input" | "timeout_ms">,
  signal: AbortSignal,
): Promise<Delivery> {
  const limits = {
    kill_grace_ms: 2_000,
    output_grace_ms: 500,
    output_limit_bytes: 0,
    error_limit_bytes: 500,
  };
  const started = start({ ...order, ...limits });
  const onAbort = () => started.stop();
  signal.addEventListener("abort", onAbort, { once: true });
  const report = await started.report;
  signal.removeEventListener("abort", onAbort);
  const program = order.run[0] ?? "";
  if (report.type === "not_started") {
    const why = `${program} could not be started (${report.code})`;
    return { ok: false, why, fault: "channel", after_ms: null };
  }
  const failed = (why: string): Delivery => ({ ok: false, why, fault: "passing", after_ms: null });
  if (report.type === "lost") return failed("it is not known what came of it");
  if (report.stopped === "timeout")
    return failed(`${program} took longer than ${order.timeout_ms / 1_000} s`);
  if (report.stopped === "abort") return failed("it was called off");
  if (report.code === 0) return { ok: true, what: "exit 0" };
  const end = report.signal === null ? `exit ${report.code}` : report.signal;
  const said = report.stderr.trim().split("\n").at(-1) ?? "";
  return failed(said === "" ? end : `${end}: ${said}`);
}
