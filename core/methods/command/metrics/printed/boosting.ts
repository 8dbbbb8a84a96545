/** CatBoost's "learn: 0.5  test: 0.6  best: 0.6 (10)". Elsewhere these names are not metrics. */
export function learning(text: string): ReadonlyMap<string, number> | undefined {
  const match = /^\s*learn:\s*(\S+)(?:\s+test:\s*(\S+))?(?:\s+best:\s*(\S+)|\s+total:|\s*$)/.exec(text);
  if (!match) return undefined;
  const values = ['learn', 'test', 'best'].map((name, index): [string, number] => [name, Number(match[index + 1])]);
  return new Map(values.filter(([, value]) => Number.isFinite(value)));
}
