import { Permutation } from '../../core/data/permutation';
import { drawByScore } from '../../core/methods/swiftlearn/sampling/drawing';
import { Importance } from '../../core/methods/swiftlearn/sampling/importance';
import { selectMost } from '../../core/methods/swiftlearn/sampling/selection';
import { Random } from '../../core/random';
import { fixed, type Section } from './report';

const SAMPLES = [1_000_000, 10_000_000];
const KEEP = 0.1;

/** Choosing among many samples: time a sample, which is to be the same for ten times as many, and what is kept of each. */
export function benchSelection(): Promise<Section> {
  const rows = SAMPLES.map((size) => {
    const random = new Random(1);
    const importance = new Importance(size, 2, 'el2n', 0);
    // Most are easy, as in training.
    for (let i = 0; i < size; i++) importance.scores[i] = random.uniform() ** 4;
    const kept = Object.values(importance.state()).reduce((sum, { byteLength }) => sum + byteLength, 0) + size;
    const order = new Permutation(size, 1);
    const options = { keep: KEEP, skipHardest: 0.01, rank: (sample: number) => order.at(sample) };
    const seconds = (work: () => unknown) => {
      const before = performance.now();
      work();
      return (performance.now() - before) / 1000;
    };
    return {
      size,
      highest: seconds(() => selectMost(importance.scores, options)),
      drawn: seconds(() => drawByScore(importance.scores, { ...options, stream: [1] })),
      bytesPerSample: kept / size,
    };
  });
  return Promise.resolve({
    title: `Choosing ${100 * KEEP} % of many samples`,
    columns: [
      { title: 'samples' },
      { title: 'highest, s' },
      { title: 'ns a sample' },
      { title: 'drawn, s' },
      { title: 'ns a sample' },
      { title: 'bytes a sample between choices' },
    ],
    rows: rows.map(({ size, highest, drawn, bytesPerSample }) => [
      size.toLocaleString('en-US'),
      fixed(highest, 2),
      fixed((highest / size) * 1e9, 0),
      fixed(drawn, 2),
      fixed((drawn / size) * 1e9, 0),
      fixed(bytesPerSample),
    ]),
    data: rows,
  });
}
