import type { Sending } from '../compute/ssh/client';
import { ProgressLine } from './work';

/** Shows on the terminal what is being sent to a remote. */
export function sendingLine(stream: NodeJS.WriteStream = process.stderr): (sending: Sending) => void {
  let line: ProgressLine | undefined;
  return ({ what, done, total }) => {
    if (total === 0) return;
    line ??= new ProgressLine(stream);
    line.show({ done, total, label: what, unit: 'bytes' });
    if (done < total) return;
    line.end();
    line = undefined;
  };
}
