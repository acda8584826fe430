const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)? ?(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * A deadline in ms; null when the text is none. Without a zone it is this machine's time, since the program that wrote
 * the note runs here; a bare date ends as it begins, because that is the earliest that can be meant.
 */
export function readDeadline(text: string): number | null {
  const parts = DATE.exec(text) ?? TIME.exec(text);
  if (parts === null) return null;
  const [, year = "", month = "", day = "", hour = "00", minute = "00", second = "00", zone = ""] = parts;
  const offset = zone.replace(/^([+-]\d{2})(\d{2})$/, "$1:$2");
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`);
  // A 30 February is taken for a day in March by some readers and refused by others.
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number.isNaN(ms) || Number(day) > days ? null : ms;
}
