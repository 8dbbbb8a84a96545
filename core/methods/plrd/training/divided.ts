export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Divides a whole in the given proportions, each part at least one; exact unless there are more parts than that. */
export function divided(count: number, shares: readonly number[]): number[] {
  const whole = total(shares);
  let [given, wanted] = [0, 0];
  const parts = shares.map((share) => {
    wanted += (count * share) / whole;
    const own = Math.round(wanted) - given;
    given += own;
    return own;
  });
  for (let empty = parts.indexOf(0); empty >= 0; empty = parts.indexOf(0)) {
    const most = parts.indexOf(Math.max(...parts));
    if (parts[most]! > 1) parts[most]!--;
    parts[empty] = 1;
  }
  return parts;
}
