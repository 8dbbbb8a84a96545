export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Divides a whole in the given proportions, each part at least one; the sum is exact where that allows it. */
export function divided(count: number, shares: readonly number[]): number[] {
  const whole = total(shares);
  let [given, wanted] = [0, 0];
  return shares.map((share) => {
    wanted += (count * share) / whole;
    const own = Math.max(1, Math.round(wanted) - given);
    given += own;
    return own;
  });
}
