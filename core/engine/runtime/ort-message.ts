/**
 * What an error of ONNX Runtime says, as one sentence: its first line, without the node, the place in the source and the condition that
 * come before it, and of CUDA's answer only the answer.
 */
export function sentence(message: string): string {
  const cuda = /(CU[A-Z]+ failure \d+: [^;\n]+?)\s*;/.exec(message)?.[1];
  const [first = ''] = (cuda ?? message)
    .replace(/^Non-zero status code returned .*?Status Message: (\S+:\d+ \S+ )?/s, '')
    .replace(/^.*? was false\. /s, '')
    .trim()
    .split('\n');
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
