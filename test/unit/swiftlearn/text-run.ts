import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type * as z from 'zod';
import { openLabeledTexts } from '../../../core/data/labeled/source';
import { LabeledTextConfig } from '../../../core/data/labeled/config';
import { Importance } from '../../../core/methods/swiftlearn/sampling/importance';
import { ImportanceRecorder } from '../../../core/methods/swiftlearn/sampling/importance-recorder';
import { evaluateSample } from '../../../core/methods/swiftlearn/sampling/scores';
import { listWrongLabels, WrongLabelsEstimate } from '../../../core/methods/swiftlearn/sampling/wrong-labels';
import { selectMost } from '../../../core/methods/swiftlearn/sampling/selection';
import { Random } from '../../../core/random';

const FIXTURE = path.resolve('test', 'fixtures', 'swiftlearn-small');
const SIZE = 600;
/** Every so manieth message has the wrong label. */
export const WRONG = 40;

const HAM = [
  'thanks for the notes from Tuesday, I have put my comments into the second chapter and will send the figures later',
  'the build on the old machine fails since the compiler was updated, does anybody else see this',
  'are we still on for lunch on Friday? The place at the corner has a new menu and takes no reservations',
  'please find the minutes of the meeting attached, and tell me if something is missing before I send them around',
];
const SPAM = [
  'you have been selected to receive a guaranteed cash prize, click here within twenty-four hours to claim it',
  'lose weight fast without any effort, our doctors hate this secret, order now and pay nothing today',
  'refinance your mortgage at the lowest rates ever seen, no credit check, approval in one minute',
];

/** What message `n` says, and what it is. */
const message = (n: number) => {
  const spam = n % 3 === 0;
  const bodies = spam ? SPAM : HAM;
  return { text: `Message number ${n} of the list: ${bodies[n % bodies.length]!}.`, spam };
};
const isWrong = (n: number) => n % WRONG === 7;

/**
 * The folder of a run that chose among e-mails, as the recorder of a training writes it: three choices, of which each knows
 * the texts better; some labels are wrong, which the model does not believe.
 * @returns the folder
 */
export async function writeTextRun(
  dir: string,
  settings: Pick<z.input<typeof LabeledTextConfig>, 'labelNoise'> = {},
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const lines = Array.from({ length: SIZE }, (_, n) => {
    const { text, spam } = message(n);
    return `"${text}",${spam === isWrong(n) ? 'ham' : 'spam'}\r\n`;
  });
  await writeFile(path.join(dir, 'mails.csv'), `text,label\r\n${lines.join('')}`);
  await writeRunOn(dir, { source: 'mails.csv', heldOutShare: 0.2, ...settings }, (text) => {
    const n = Number(/number (\d+)/.exec(text)![1]);
    return message(n).spam ? 'spam' : 'ham';
  });
  return dir;
}

/**
 * The folder of a run that chose among texts.
 * @param data the setting `texts.data`; the files that it names lie in the folder
 * @param trueClass what the model comes to believe of a text
 */
export async function writeRunOn(
  dir: string,
  data: z.input<typeof LabeledTextConfig>,
  trueClass: (text: string) => string,
): Promise<void> {
  const artifactsDir = path.join(dir, 'artifacts');
  await mkdir(artifactsDir, { recursive: true });
  const record = JSON.parse(await readFile(path.join(FIXTURE, 'run.json'), 'utf8')) as { spec: object };
  const name = path.basename(dir);
  const spec = { ...record.spec, name, config: { texts: { data } } };
  const opened = await openLabeledTexts(LabeledTextConfig.parse(data), dir, { log: () => undefined });
  const { train, classes } = opened;
  const specFile = path.join(dir, `${name}.winnow.json`);
  const fingerprints = { data: opened.fingerprint() };
  await writeFile(
    path.join(dir, 'run.json'),
    JSON.stringify({ ...record, id: name, baseDir: dir, specFile, spec, fingerprints }),
  );
  await writeFile(path.join(dir, 'status.json'), await readFile(path.join(FIXTURE, 'status.json')));

  const label = (sample: number) => train.label(sample);
  const learner = { kind: 'texts', size: train.size, classes, label, noise: train.noise } as const;
  const labeled = {
    labels: Int32Array.from({ length: train.size }, (_, sample) => label(sample)),
    classes: classes.length,
  };
  const estimate = new WrongLabelsEstimate();
  const recorded = {
    variant: 'el2n-30pct',
    seed: 0,
    score: 'el2n',
    keep: 0.3,
    skipHardest: 0,
    balanced: false,
  } as const;
  const recorder = new ImportanceRecorder({ artifactsDir, emit: () => undefined }, learner, recorded);
  const importance = new Importance(train.size, classes.length, 'el2n', 0);
  const random = new Random(3);
  let before: Uint8Array = new Uint8Array(train.size).fill(1);
  for (const epoch of [1, 3, 5]) {
    for (let sample = 0; sample < train.size; sample++) {
      // It is unsure of some, and believes the wrong class of a few.
      const margin = epoch * random.uniform() - 0.1;
      const believed = classes.indexOf(trueClass(train.text(sample)));
      const logits = Float32Array.from(classes, (_, i) => (i === believed ? margin : -margin));
      importance.record(sample, evaluateSample({ logits, label: train.label(sample), featureNorm: 1 }));
    }
    estimate.add(importance.answers!, labeled, before);
    const options = { keep: recorded.keep, skipHardest: 0, rank: (sample: number) => sample };
    const selection = selectMost(importance.scores, options);
    recorder.add(epoch, {
      selection,
      importance,
      before,
      suspects: estimate.value && listWrongLabels(importance.answers!, labeled, estimate.value),
    });
    before = selection.kept;
    await recorder.written;
  }
}
