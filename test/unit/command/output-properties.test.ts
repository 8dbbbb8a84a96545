import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { understandOutput } from '../../../core/methods/command/metrics/output';
import fc from '../../fast-check';
import { readingsOf } from './printed';

/** A number of a few digits, as text and as what it is. */
const decimal = fc
  .record({
    digits: fc.integer({ min: 0, max: 99_999_999 }),
    places: fc.integer({ min: 0, max: 4 }),
    negative: fc.boolean(),
  })
  .map(({ digits, places, negative }) => (negative ? -1 : 1) * Number((digits / 10 ** places).toFixed(places)))
  .map((value) => (Object.is(value, -0) ? 0 : value));

const grouped = (value: number, separator: string, point: string) => {
  const [whole = '', fraction] = String(Math.abs(value)).split('.');
  const groups = whole.replaceAll(/\B(?=(\d{3})+$)/g, separator);
  return `${value < 0 ? '-' : ''}${groups}${fraction === undefined ? '' : point + fraction}`;
};

/** How programs of the field, in whatever language and country, write a number. */
const spellings: Record<string, (value: number) => string> = {
  plain: String,
  sign: (value) => (value < 0 ? String(value) : `+${value}`),
  'a true minus': (value) => String(value).replace('-', '\u2212'),
  scientific: (value) => value.toExponential(),
  Scientific: (value) => value.toExponential().toUpperCase(),
  Fortran: (value) => value.toExponential().replace('e', 'D'),
  'powers of ten': (value) => value.toExponential().replace(/e\+?(-?\d+)/, '×10^$1'),
  English: (value) => grouped(value, ',', '.'),
  // A point alone is a decimal one: a whole number of thousands in Germany's way cannot be told from it.
  German: (value) => (Number.isInteger(value) ? `${value}` : grouped(value, '.', ',')),
  French: (value) => grouped(value, '\u202f', ','),
  spaced: (value) => grouped(value, ' ', '.'),
  Swiss: (value) => grouped(value, "'", '.'),
  Python: (value) => grouped(value, '_', '.'),
  Indian: (value) => String(value).replace(/\B(?=(\d{2})+(?!\d))/g, ','),
  'a decimal comma': (value) => String(value).replace('.', ','),
  NumPy: (value) => `np.float64(${value})`,
  PyTorch: (value) => `tensor(${value}, device='cuda:0', grad_fn=<DivBackward0>)`,
  'a list of one': (value) => `tensor([${value}])`,
  array: (value) => `array([${value}], dtype=float32)`,
  percent: (value) => `${value}%`,
  quoted: (value) => `'${value}'`,
};
const spelling = fc.constantFrom(...Object.keys(spellings));

const templates: Record<string, (step: number, text: string) => string> = {
  colon: (step, text) => `step ${step} loss: ${text}`,
  equals: (step, text) => `step=${step} loss=${text}`,
  space: (step, text) => `step ${step} loss ${text}`,
  bars: (step, text) => `| step ${step} | loss ${text} | 35 ms | 1.5 it/s |`,
  list: (step, text) => `step: ${step}, loss: ${text}, note: none`,
  tight: (step, text) => `step:${step},loss:${text},note:none`,
  average: (step, text) => `step ${step}\tloss ${text} (${text})\ttime 0.5 (0.6)`,
  end: (step, text) => `step ${step}: loss ${text}.`,
  bar: (step, text) => ` 45%|████▌     | ${step}/99999 [00:10<00:12, 45.2it/s, loss=${text}]`,
  logger: (step, text) => `2024-01-02 10:00:00,123 [INFO] train.py:57 - step ${step} loss: ${text}`,
  rank: (step, text) => `[rank0]: step ${step} loss: ${text}`,
  dictionary: (step, text) => `{'step': ${step}, 'loss': ${text}}`,
};
const template = fc.constantFrom(...Object.keys(templates));

describe('whatever a program prints', () => {
  it('a number is read as what it is, or not at all, and at its step', () => {
    let read = 0;
    fc.assert(
      fc.property(decimal, spelling, template, fc.integer({ min: 0, max: 9_999 }), (value, how, where, step) => {
        const line = templates[where]!(step, spellings[how]!(value));
        for (const reading of readingsOf([line])) {
          assert.deepEqual(reading, { step, values: { loss: value } }, line);
          read++;
        }
      }),
      { numRuns: 5_000 },
    );
    assert.ok(read > 3_500, `${read} of 5000 were read`);
  });

  it('the steps of a line with separators are what they are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9_999_999 }),
        fc.constantFrom('English', 'Swiss', 'Python', 'French', 'spaced'),
        (step, how) => {
          for (const reading of readingsOf([`step ${spellings[how]!(step)} | loss 0.25`]))
            assert.equal(reading.step, step);
        },
      ),
    );
  });

  const word = fc.constantFrom(
    ...['Listening', 'on', 'port', 'loading', 'worker', 'host', 'version', 'using', 'device', 'files', 'from', 'cache'],
    ...['Python', 'started', 'at', 'with', 'seed', 'batch size', 'parameters', 'warning', 'found', 'in', 'total', 'of'],
  );
  const amount = fc.oneof(
    fc.ipV4(),
    fc.integer({ min: 1, max: 65_535 }).map((port) => `${port}`),
    fc.integer({ min: 1, max: 65_535 }).map((port) => `localhost:${port}`),
    fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)).map((parts) => parts.join('.')),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.tuple(fc.integer({ min: 10, max: 23 }), fc.integer({ min: 10, max: 59 })).map((parts) => parts.join(':')),
    fc.integer({ min: 1, max: 999 }).map((line) => `train.py:${line}`),
    fc
      .tuple(fc.nat(999), fc.constantFrom('ms', 's', 'GiB', 'MB', '%', 'it/s', 'k', 'x'))
      .map((parts) => parts.join('')),
    fc.nat().map((value) => `0x${value.toString(16)}`),
    fc.nat(1_000).map((pid) => `[pid=${pid}]`),
    fc.nat(1_000).map((value) => `/data/run-${value}/part_${value}`),
    fc.tuple(fc.nat(9), fc.nat(9)).map((parts) => parts.join('/')),
    fc.tuple(fc.nat(9), fc.nat(9)).map((parts) => `(${parts.join(', ')})`),
  );
  const prose = fc
    .array(fc.tuple(word, fc.constantFrom(' ', ': ', '=', ', ', ' - '), amount), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.map((part) => part.join('')).join(' '));

  it('prose gives nothing: ports, dates, paths, addresses, versions', () => {
    fc.assert(
      fc.property(prose, (line) => {
        assert.deepEqual(readingsOf([line]), []);
      }),
      { numRuns: 2_000 },
    );
  });

  it('prose around a report changes nothing of it', () => {
    fc.assert(
      fc.property(prose, decimal, (line, value) => {
        const read = understandOutput();
        for (const reading of readingsOf(
          [line, `step 5 | loss: ${value} | acc: 0.5`, line, `step 6 | loss: ${value}`],
          read,
        ))
          assert.deepEqual(reading.values.loss, value);
        assert.deepEqual(
          readingsOf([line, `step 5 | loss: ${value} | acc: 0.5`, line, `step 6 | loss: ${value}`]).map(
            ({ step }) => step,
          ),
          [5, 6],
        );
      }),
      { numRuns: 300 },
    );
  });

  it('nested counts go up through the epochs, each at its own step', () => {
    const nested: Record<string, (epoch: number, epochs: number, batch: number, batches: number) => string> = {
      imagenet: (epoch, _epochs, batch, batches) => `Epoch: [${epoch}][${batch}/${batches}]\tLoss 0.5 (0.5)`,
      lm: (epoch, _epochs, batch, batches) => `| epoch ${epoch} | ${batch}/ ${batches} batches | loss 0.5`,
      mnist: (epoch, _epochs, batch, batches) => `Train Epoch: ${epoch} [${batch}/${batches} (1%)]\tLoss: 0.5`,
      tutorial: (epoch, epochs, batch, batches) => `Epoch [${epoch}/${epochs}], Step [${batch}/${batches}], Loss: 0.5`,
      tqdm: (epoch, _epochs, batch, batches) =>
        `Epoch ${epoch}:   5%|▌  | ${batch}/${batches} [00:01<00:19,  5.00it/s, loss=0.5]`,
      gan: (epoch, epochs, batch, batches) => `[${epoch}/${epochs}][${batch}/${batches}]\tLoss_D: 0.5`,
      cifar: (epoch, _epochs, batch) => `[${epoch},  ${batch}] loss: 0.5`,
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(nested)),
        fc.constantFrom(0, 1),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 2, max: 500 }),
        fc.integer({ min: 1, max: 100 }),
        (how, first, epochs, batches, every) => {
          const lines: string[] = [];
          const expected: number[] = [];
          for (let epoch = first; epoch < epochs + first; epoch++)
            for (let batch = every; batch <= batches; batch += every) {
              lines.push(nested[how]!(epoch, epochs, batch, batches));
              expected.push((epoch - first) * batches + batch);
            }
          const steps = readingsOf(lines).map(({ step }) => step);
          assert.equal(new Set(steps).size, lines.length, lines.join('\n'));
          assert.deepEqual(
            steps,
            [...steps].sort((a, b) => a - b),
          );
          if (how !== 'cifar') assert.deepEqual(steps, expected);
        },
      ),
    );
  });

  it('nothing is too strange to be looked at', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom(
        'loss',
        'step',
        'epoch',
        ':',
        '=',
        '{',
        '}',
        '"',
        "'",
        '[',
        ']',
        '(',
        ')',
        '|',
        '/',
        '%',
        ' ',
        '\t',
        ',',
        '.',
        '-',
        'tensor(',
        'nan',
        'train',
        '<',
        '>',
      ),
      fc.double().map(String),
    );
    const read = understandOutput();
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.boolean(), (pieces, final) => {
        for (const { step, values } of readingsOf([pieces.join('') + (final ? '' : '\r')], read)) {
          assert.ok(Number.isSafeInteger(step) && step >= 0);
          for (const value of Object.values(values)) assert.equal(typeof value, 'number');
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
