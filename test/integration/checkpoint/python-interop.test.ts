import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { encodeFromFloat32, type Dtype } from '../../../core/checkpoint/dtype';
import { fileKindOf } from '../../../core/checkpoint/file-kind';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { float32Tensor, writeSafetensors } from '../../../core/checkpoint/safetensors-writer';
import { tempFolder } from './temp-folder';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';

function python(script: string, ...args: string[]): string {
  const run = spawnSync(PYTHON, ['-c', script, ...args], { encoding: 'utf8' });
  if (run.error) throw run.error;
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

const available = spawnSync(PYTHON, ['-c', 'import safetensors.torch']).status === 0;
const skip = available ? false : `${PYTHON} has no safetensors with torch (set WINNOW_PYTHON to one that has)`;

describe('the Python reference implementation', { skip }, () => {
  it('writes what we read, and rounds as we do', async (test) => {
    const file = path.join(await tempFolder(test), 'python.safetensors');
    python(
      `
import sys, torch
from safetensors.torch import save_file
g = torch.Generator().manual_seed(7)
words = torch.randint(-2**31, 2**31, (40000,), generator=g, dtype=torch.int64).to(torch.int32)
x = torch.cat([words.view(torch.float32), torch.randn(20000, generator=g), torch.randn(20000, generator=g) * 1e-6])
x = x[~torch.isnan(x)]
small = torch.arange(256, dtype=torch.int64).to(torch.uint8)
save_file({
  "x": x, "half": x.to(torch.float16), "bfloat": x.to(torch.bfloat16), "double": x.to(torch.float64),
  "e4m3": small.view(torch.float8_e4m3fn), "e4m3 float": small.view(torch.float8_e4m3fn).to(torch.float32),
  "e5m2": small.clone().view(torch.float8_e5m2), "e5m2 float": small.view(torch.float8_e5m2).to(torch.float32),
  "i64": torch.tensor([[-5, 2**40]]), "i32": torch.tensor([-7], dtype=torch.int32), "bool": torch.tensor([True, False]),
  "i16": torch.tensor([-300], dtype=torch.int16), "i8": torch.tensor([-3], dtype=torch.int8), "scalar": torch.tensor(2.5),
}, sys.argv[1], metadata={"format": "pt"})
`,
      file,
    );
    const read = await openSafetensorsFile(file);
    const x = await read.readFloat32('x');
    assert.ok(x.length > 70_000);
    assert.deepEqual(await read.readBytes('half'), encodeFromFloat32('F16', x));
    assert.deepEqual(await read.readBytes('bfloat'), encodeFromFloat32('BF16', x));
    assert.deepEqual(await read.readFloat32('double'), x);
    // As numbers, not as typed arrays: the payload of a NaN is nobody's business.
    const values = async (name: string) => [...(await read.readFloat32(name))];
    assert.deepEqual(await values('e4m3'), await values('e4m3 float'));
    assert.deepEqual(await values('e5m2'), await values('e5m2 float'));
    assert.deepEqual(await values('i64'), [-5, 2 ** 40]);
    assert.deepEqual(await values('i32'), [-7]);
    assert.deepEqual(await values('i16'), [-300]);
    assert.deepEqual(await values('i8'), [-3]);
    assert.deepEqual(await values('bool'), [1, 0]);
    assert.deepEqual(await values('scalar'), [2.5]);
    assert.deepEqual(read.tensors.get('i64')!.shape, [1, 2]);
    assert.deepEqual(read.metadata, { format: 'pt' });
    await read.close();
  });

  it('has dtypes whose values are not read: what is beside them is', async (test) => {
    const file = path.join(await tempFolder(test), 'exotic.safetensors');
    const script = `
import sys, torch
from safetensors.torch import save_file
ones = torch.ones(4)
tensors = {"w": ones, "freqs": torch.complex(ones, ones)}
for name in ("float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz"):
  if hasattr(torch, name): tensors[name] = torch.tensor([120, 127], dtype=torch.uint8).view(getattr(torch, name))
save_file(tensors, sys.argv[1])
print(len(tensors))
`;
    const written = Number(python(script, file));
    const read = await openSafetensorsFile(file);
    assert.equal(read.tensors.size, written);
    assert.deepEqual([read.tensors.get('freqs')?.dtype, read.tensors.get('freqs')?.shape], ['C64', [4]]);
    assert.deepEqual([...(await read.readFloat32('w'))], [1, 1, 1, 1]);
    await assert.rejects(read.readFloat32('freqs'), { code: 'safetensors.unread-dtype' });
    await read.close();
  });

  it('writes other formats, which are named as what they are', async (test) => {
    const folder = await tempFolder(test);
    python(
      `
import io, os, pickle, sys, tarfile, torch
os.chdir(sys.argv[1])
weights = {"w": torch.ones(2, 2)}
torch.save(weights, "new.safetensors")
torch.save(weights, "old.safetensors", _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "script.safetensors")
pickle.dump({"a": 1}, open("pickle.safetensors", "wb"))
with tarfile.open("tar.safetensors", "w") as tar: tar.addfile(tarfile.TarInfo("x"), io.BytesIO())
with tarfile.open("tgz.safetensors", "w:gz") as tar: tar.addfile(tarfile.TarInfo("x"), io.BytesIO())
`,
      folder,
    );
    for (const [name, what] of [
      ['new', /^a PyTorch checkpoint$/],
      ['old', /^a PyTorch checkpoint in the format used before 2020$/],
      ['script', /^a PyTorch checkpoint$/],
      ['pickle', /pickle/],
      ['tar', /tar archive/],
      ['tgz', /gzip/],
    ] as const) {
      const file = path.join(folder, `${name}.safetensors`);
      assert.match((await fileKindOf(file))?.what ?? 'nothing', what);
      await assert.rejects(openSafetensorsFile(file), { code: 'safetensors.other-format' });
    }
  });

  it('reads what we write, as the same values', async (test) => {
    const file = path.join(await tempFolder(test), 'ours.safetensors');
    const floats = Float32Array.of(1.5, -2, 1e-7, 65504, 0, 3.140625);
    const integers: [Dtype, ArrayBufferView][] = [
      ['I64', BigInt64Array.of(-1n, 2n)],
      ['I32', Int32Array.of(-1, 2)],
      ['I16', Int16Array.of(-1, 2)],
      ['I8', Int8Array.of(-1, 2)],
      ['U8', Uint8Array.of(1, 2)],
      ['BOOL', Uint8Array.of(0, 1)],
    ];
    await writeSafetensors(
      file,
      [
        ...integers.map(([dtype, { buffer }]) => ({ name: dtype, dtype, shape: [2], data: new Uint8Array(buffer) })),
        float32Tensor('BF16', [2, 3], floats, 'BF16'),
        float32Tensor('F16', [3, 2], floats, 'F16'),
        float32Tensor('F32', [6], floats),
        { name: 'ü "empty"', dtype: 'F32' as const, shape: [0, 4], data: new Uint8Array(0) },
      ],
      { note: 'ü' },
    );
    const output = python(
      `
import sys, json
from safetensors import safe_open
with safe_open(sys.argv[1], "pt") as f:
  tensors = {k: f.get_tensor(k) for k in f.keys()}
  print(json.dumps({"metadata": f.metadata(), "tensors": {k: [str(t.dtype), list(t.shape), t.flatten().tolist()] for k, t in tensors.items()}}))
`,
      file,
    );
    const read = await openSafetensorsFile(file);
    const of = async (name: string) => [...(await read.readFloat32(name))];
    assert.deepEqual(JSON.parse(output), {
      metadata: { note: 'ü' },
      tensors: {
        I64: ['torch.int64', [2], [-1, 2]],
        I32: ['torch.int32', [2], [-1, 2]],
        I16: ['torch.int16', [2], [-1, 2]],
        I8: ['torch.int8', [2], [-1, 2]],
        U8: ['torch.uint8', [2], [1, 2]],
        BOOL: ['torch.bool', [2], [false, true]],
        BF16: ['torch.bfloat16', [2, 3], await of('BF16')],
        F16: ['torch.float16', [3, 2], await of('F16')],
        F32: ['torch.float32', [6], [...floats]],
        'ü "empty"': ['torch.float32', [0, 4], []],
      },
    });
    await read.close();
  });

  it('writes the same bytes as we do for the same tensors', async (test) => {
    const folder = await tempFolder(test);
    const [ours, theirs] = ['ours', 'theirs'].map((name) => path.join(folder, `${name}.safetensors`));
    await writeSafetensors(ours!, [
      float32Tensor('a', [3], Float32Array.of(1, 2, 3)),
      float32Tensor('b', [1], Float32Array.of(4), 'F16'),
    ]);
    python(
      `
import sys, torch
from safetensors.torch import save_file
save_file({"b": torch.tensor([4.0]).half(), "a": torch.tensor([1.0, 2.0, 3.0])}, sys.argv[1])
`,
      theirs!,
    );
    assert.deepEqual(await readFile(ours!), await readFile(theirs!));
  });
});
