import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

interface Mailed {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came over the wire. */
  readonly raw: string;
  readonly secure: boolean;
  readonly user: string | null;
}

export interface MailServer {
  readonly port: number;
  readonly mails: Mailed[];
  close(): Promise<void>;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The file of the certificate, for those who are to trust it. */
  readonly file: string;
  remove(): void;
}

/** A certificate for `localhost`, signed by itself. */
export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "cs-cert-"));
  const [key, file] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", ...made, "-keyout", key, "-out", file, ...subject], { stdio: "pipe" });
  const remove = () => rmSync(folder, { recursive: true });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(file, "utf8"), file, remove };
}

/** A real SMTP server on loopback; `options` make it behave in its own way. */
export async function openMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: Mailed[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    onAuth: (auth, _session, callback) =>
      auth.password === "right" ? callback(null, { user: auth.username }) : callback(new Error("wrong")),
    onData(stream, session, callback) {
      let raw = "";
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        raw += text;
      });
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false || mailFrom === undefined ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw,
          secure: session.secure,
          user: typeof session.user === "string" ? session.user : null,
        });
        callback(null, "queued as 1");
      });
    },
    ...options,
  });
  server.on("error", () => {});
  const listening = await new Promise<SMTPServer["server"]>((resolve) => {
    const bound = server.listen(0, "127.0.0.1", () => resolve(bound as SMTPServer["server"]));
  });
  const { port } = listening.address() as AddressInfo;
  return { port, mails, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
