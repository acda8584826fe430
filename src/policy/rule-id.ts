import { type Fields, shown } from "../document/fields.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What a rule or a limit may be called. */
export function checkId(fields: Fields, id: string | null): void {
  if (id === null || ID.test(id)) return;
  const hint = "Use up to 64 letters, digits and . _ -, such as payments-over-500.";
  fields.report("wrong_value", "id", `${shown(id)} is not an id`, hint);
}
