import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as z from 'zod';
import { symmetricEigenvalues } from '../../../core/engine/linalg/eigh';
import { singularValues, truncatedSvd } from '../../../core/engine/linalg/svd';
import * as make from './matrices';
import { assertBelow, assertClose } from './matrices';

const PROGRAM = `
import json, sys, numpy as np
given = json.load(sys.stdin)
a = np.array(given["a"]).reshape(given["rows"], given["cols"])
h = np.array(given["h"]).reshape(given["n"], given["n"])
u, s, vt = np.linalg.svd(a, full_matrices=False)
r = given["rank"]
low = (u[:, :r] * s[:r]) @ vt[:r]
print(json.dumps({"s": s.tolist(), "low": low.ravel().tolist(), "values": np.linalg.eigvalsh(h).tolist()}))
`;
const Answer = z.object({ s: z.array(z.number()), low: z.array(z.number()), values: z.array(z.number()) });

const python = process.env.WINNOW_PYTHON ?? 'python3';
const skip =
  spawnSync(python, ['-c', 'import numpy']).status === 0
    ? false
    : `${python} has no numpy: name one that has in WINNOW_PYTHON`;

test('the same numbers as numpy', { skip }, async () => {
  const a = make.gaussian(90, 70);
  const h = make.symmetric(110);
  const rank = 20;
  const input = JSON.stringify({ a: [...a.data], rows: a.rows, cols: a.cols, h: [...h.data], n: h.rows, rank });
  const run = spawnSync(python, ['-c', PROGRAM], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(run.status, 0, run.stderr);
  const expected = Answer.parse(JSON.parse(run.stdout));
  assertClose(await singularValues(a), expected.s, 1e-12);
  assertClose(await symmetricEigenvalues(h), expected.values, 1e-11);
  const { u, s, v } = await truncatedSvd(a, rank);
  const low = (await make.product(u, s, v)).data;
  assertBelow(Math.hypot(...low.map((value, i) => value - expected.low[i]!)), 1e-11, 'the difference at rank 20');
});
