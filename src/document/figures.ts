import type { Figures } from "../core/tally.ts";

/** What came of requests lately as a chart, and how long they waited as a table; nothing where there is nothing. */
export function renderFigures({ outcomes, waits, from, to, cut }: Figures): string[] {
  if (from === null || to === null) return [];
  const title = cut ? `Outcomes from ${day(from)} to ${day(to)}` : `Outcomes in the 30 days up to ${day(to)}`;
  // Only words of our own: nothing in a chart can be escaped.
  const slices = [...outcomes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `  "${status.replaceAll("_", " ")}" : ${count}`);
  const chart = ["```mermaid", "pie showData", `  title ${title}`, ...slices, "```"].join("\n");
  const times =
    waits === null
      ? []
      : [
          "| Decided by a person | Half of them within | The longest wait |\n| --- | --- | --- |\n" +
            `| ${waits.decided} | ${inWords(waits.half)} | ${inWords(waits.longest)} |`,
        ];
  return ["## Lately", chart, ...times];
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** A span of time in its two largest units, as people say it. */
function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 2_880) return [`${Math.floor(minutes / 60)} h`, ...rest(minutes % 60, "min")].join(" ");
  const hours = Math.round(minutes / 60);
  return [`${Math.floor(hours / 24)} d`, ...rest(hours % 24, "h")].join(" ");
}

function rest(count: number, unit: string): string[] {
  return count === 0 ? [] : [`${count} ${unit}`];
}
