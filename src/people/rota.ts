import { turnOf } from "./zoned.ts";

/** Some who take turns, handing over at the same time on the clocks of a place all year round. */
export interface Rota {
  /** In minutes on the clock. */
  readonly shift: number;
  /** When the first turn begins, on the clock. */
  readonly starts: string;
  readonly zone: string;
}

/** Whose turn it is; nobody's before the first one. */
export function onDuty(rota: Rota, order: readonly string[], at: number): readonly string[] {
  const turn = turnOf(at, rota.starts, rota.shift, rota.zone);
  return turn < 0 ? [] : order.slice(turn % order.length).slice(0, 1);
}
