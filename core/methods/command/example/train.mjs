// An ordinary training program that knows nothing about Winnow: a network with one hidden layer learns to classify the
// points of two spirals.
//   node train.mjs --output out --learning-rate 0.05 --hidden 24 --steps 2000 --seed 0 [--resume out/step-500.safetensors]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const text = (value) => ({ type: 'string', default: value });
const { values: args } = parseArgs({
  options: {
    output: text('out'),
    'learning-rate': text('0.05'),
    hidden: text('24'),
    steps: text('2000'),
    seed: text('0'),
    pause: text('0'),
    resume: { type: 'string' },
  },
});
const [rate, hidden, steps, pause] = ['learning-rate', 'hidden', 'steps', 'pause'].map((name) => Number(args[name]));

/** Mulberry32: the same numbers for the same seed. */
function random(seed) {
  let state = Number(seed) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Points of two spirals, [x, y, spiral]. */
function spirals(count, next) {
  return Array.from({ length: count }, (_, index) => {
    const which = index % 2;
    const turn = 3 * Math.sqrt(next());
    const angle = turn * 1.7 + which * Math.PI;
    return [(turn / 3) * Math.cos(angle) + 0.03 * next(), (turn / 3) * Math.sin(angle) + 0.03 * next(), which];
  });
}

const next = random(args.seed);
const train = spirals(400, random(1));
const heldOut = spirals(400, random(2));
const shapes = {
  'hidden.weight': [hidden, 2],
  'hidden.bias': [hidden],
  'output.weight': [1, hidden],
  'output.bias': [1],
};
let model = Object.fromEntries(
  Object.entries(shapes).map(([name, shape]) => [
    name,
    Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      () => (next() - 0.5) * (name.startsWith('hidden') ? 4 : 1),
    ),
  ]),
);
const moments = Object.fromEntries(
  Object.entries(model).map(([name, { length }]) => [name, new Float32Array(2 * length)]),
);

function save(step) {
  const header = {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes))
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += 4 * model[name].length)] };
  header.__metadata__ = { step: String(step) };
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  const file = path.join(args.output, `step-${step}.safetensors`);
  writeFileSync(file, Buffer.concat([size, json, ...Object.values(model).map(({ buffer }) => Buffer.from(buffer))]));
}

/** @returns the step at which the file was saved */
function load(file) {
  const bytes = readFileSync(file);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, end));
  for (const name of Object.keys(shapes)) {
    const [from, to] = header[name].data_offsets;
    model[name] = new Float32Array(Uint8Array.from(bytes.subarray(end + from, end + to)).buffer);
  }
  return Number(header.__metadata__.step);
}

/** Cross-entropy and accuracy over points; with `learn`, also takes one step of Adam. */
function pass(points, learn) {
  const [w, b, v, c] = Object.values(model);
  const gradients = Object.values(model).map(({ length }) => new Float32Array(length));
  const [dw, db, dv, dc] = gradients;
  let loss = 0;
  let right = 0;
  for (const [x, y, which] of points) {
    const active = Float32Array.from(b, (bias, i) => Math.tanh(w[2 * i] * x + w[2 * i + 1] * y + bias));
    const p = 1 / (1 + Math.exp(-active.reduce((sum, value, i) => sum + value * v[i], c[0])));
    loss -= Math.log(which ? p : 1 - p) / points.length;
    right += Number(p > 0.5 === Boolean(which)) / points.length;
    if (!learn) continue;
    const error = (p - which) / points.length;
    dc[0] += error;
    for (let i = 0; i < hidden; i++) {
      dv[i] += error * active[i];
      const back = error * v[i] * (1 - active[i] ** 2);
      dw[2 * i] += back * x;
      dw[2 * i + 1] += back * y;
      db[i] += back;
    }
  }
  for (const [k, name] of learn ? Object.keys(model).entries() : [])
    gradients[k].forEach((gradient, i) => {
      const moment = moments[name];
      moment[2 * i] = 0.9 * moment[2 * i] + 0.1 * gradient;
      moment[2 * i + 1] = 0.999 * moment[2 * i + 1] + 0.001 * gradient ** 2;
      const [mean, square] = [moment[2 * i] / (1 - 0.9 ** learn), moment[2 * i + 1] / (1 - 0.999 ** learn)];
      model[name][i] -= (rate * mean) / (Math.sqrt(square) + 1e-8);
    });
  return { loss, accuracy: right };
}

mkdirSync(args.output, { recursive: true });
const start = args.resume === undefined ? 0 : load(args.resume);
if (start > 0) console.log(`Going on from ${args.resume}`);
let stopped = false;
process.on('SIGINT', () => (stopped = true));
for (let step = start + 1; step <= steps; step++) {
  const trained = pass(train, step);
  if (step % 20 === 0) {
    const { loss, accuracy } = pass(heldOut);
    console.log(
      `step ${step}/${steps} | train loss ${trained.loss.toFixed(4)}, val loss ${loss.toFixed(4)}, val accuracy ${accuracy.toFixed(4)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, Number(pause)));
  }
  if (step % 500 === 0 || step === steps || stopped) save(step);
  if (stopped) process.exit(0);
}
