import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from '../../fast-check';
import { memorySource } from '../../../core/checkpoint/byte-source';
import { fileKind } from '../../../core/checkpoint/file-kind';
import { openSafetensors } from '../../../core/checkpoint/safetensors';
import { UserError } from '../../../core/errors';
import { rawFile } from './raw-file';

const latin = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const utf8 = (text: string) => new Uint8Array(Buffer.from(text, 'utf8'));
const filled = (text: string, size: number) => latin(text.padEnd(size, '\0'));

/** The local header that a zip file begins with. */
function zip(first: string): Uint8Array {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(first.length, 26);
  return new Uint8Array(Buffer.concat([header, Buffer.from(first), Buffer.alloc(64, 1)]));
}

const POINTER = `version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 4976698672
`;

const cases: readonly (readonly [title: string, bytes: Uint8Array, says: RegExp, hint: RegExp])[] = [
  ['an empty file', new Uint8Array(), /^empty$/, /again/],
  [
    'a download that never came',
    new Uint8Array(5000),
    /^a file (of zeros|that begins with 4096 zeros)$/,
    /not finished/,
  ],
  ['a pointer of Git LFS', utf8(POINTER), /^a Git LFS pointer to a file of 4976698672 bytes$/, /git lfs pull/],
  ['a pointer with the lines of Windows', utf8(POINTER.replaceAll('\n', '\r\n')), /Git LFS pointer/, /git lfs pull/],
  ['a pointer of git-annex', utf8('/annex/objects/SHA256E-s1--a.bin\n'), /git-annex/, /git annex get/],
  ['a login page', utf8('<!DOCTYPE html>\n<html><head>'), /web page/, /sign in/],
  ['a page with spaces first', utf8('\n  <html lang="en">'), /web page/, /sign in/],
  ['a page with a byte order mark', utf8('\ufeff<!doctype HTML>'), /web page/, /sign in/],
  ['XHTML', utf8('<?xml version="1.0"?>\n<html>'), /web page/, /sign in/],
  [
    'an error of an object store',
    utf8('<?xml version="1.0"?><Error><Code>AccessDenied'),
    /XML/,
    /download the file again/,
  ],
  ['an error as JSON', utf8('{"error":"Repository not found"}'), /JSON/, /may contain an error message/],
  ['JSON in UTF-16', latin('\xff\xfe{\0"\0a\0"\0'), /JSON/, /Give the path of the model folder/],
  ['a refusal', utf8('Access to model x/y is restricted.'), /a text file that begins with "Access to model/, /sign in/],
  ['a PyTorch checkpoint', zip('archive/data.pkl'), /^a PyTorch checkpoint$/, /save it as safetensors/],
  ['another one', zip('pytorch_model/data.pkl'), /^a PyTorch checkpoint$/, /safetensors/],
  ['an old PyTorch checkpoint', latin('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.'), /PyTorch/, /./],
  ['a pickle', latin('\x80\x04\x95\x10\0\0'), /Python pickle/, /./],
  ['an npz file', zip('weight.npy'), /NumPy archive/, /./],
  ['an npy file', latin("\x93NUMPY\x01\0v\0{'descr'"), /NumPy array/, /./],
  ['a Keras model', zip('metadata.json'), /Keras/, /./],
  ['a zip file', zip('readme.txt'), /zip archive/, /Unpack/],
  ['GGUF', latin('GGUF\x03\0\0\0'), /GGUF file \(version 3\)/, /safetensors/],
  ['GGML', latin('tjgg\x01\0\0\0'), /GGML/, /./],
  ['ONNX', latin('\x08\x08\x12\x07pytorch\x1a\x052.1.0'), /ONNX/, /./],
  ['ONNX without a tool', latin('\x08\x09\x3a\xd4\x02'), /ONNX/, /./],
  ['a SavedModel', latin('\x08\x01\x12\xa0\x8d\x06\n\xb4'), /SavedModel/, /./],
  ['HDF5', latin('\x89HDF\r\n\x1a\n\0\0'), /HDF5/, /./],
  ['Flax', latin('\x81\xabtransformer\x82\xa1h'), /Flax/, /./],
  ['TensorFlow Lite', latin('\x1c\0\0\0TFL3'), /TensorFlow Lite/, /./],
  ['the list of checkpoints of TensorFlow', utf8('model_checkpoint_path: "a"'), /TensorFlow/, /./],
  [
    'the index of a TensorFlow checkpoint',
    latin(`\0\0\x01${'\x01'.repeat(90)}\x57\xfb\x80\x8b\x24\x75\x47\xdb`),
    /index of a TensorFlow/,
    /./,
  ],
  ['a Parquet file', latin('PAR1\x15\x04'), /Parquet/, /./],
  [
    'a tar file',
    latin(`${filled('model/config.json', 257).reduce((t, b) => t + String.fromCharCode(b), '')}ustar`),
    /tar/,
    /Unpack/,
  ],
  ['gzip', new Uint8Array(gzipSync('x')), /gzip/, /Unpack/],
  ['Zstandard', latin('\x28\xb5\x2f\xfd\x04'), /Zstandard/, /Unpack/],
  ['xz', latin('\xfd7zXZ\0'), /xz/, /Unpack/],
];

describe('files that are no safetensors', () => {
  for (const [title, bytes, says, hint] of cases)
    it(`${title}: is named as what it is, whatever it is called`, async () => {
      const kind = fileKind(bytes, bytes.length);
      assert.match(kind?.what ?? 'nothing', says);
      assert.match(kind?.hint ?? 'nothing', hint);
      await assert.rejects(openSafetensors(memorySource(bytes, 'model.safetensors')), (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.code, bytes.length === 0 ? 'safetensors.empty' : 'safetensors.other-format');
        assert.match(error.message, /^model\.safetensors is .*, not a safetensors file\.$/);
        assert.equal(error.hint, kind?.hint);
        return true;
      });
    });

  it('does not take a damaged safetensors file for something else', async () => {
    const whole = rawFile({ a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] } }, 4);
    assert.equal(fileKind(whole, whole.length), undefined);
    for (const cut of [1, 3, 5, 20]) {
      const bytes = whole.slice(0, whole.length - cut);
      await assert.rejects(openSafetensors(memorySource(bytes)), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.code, /out-of-range|header-beyond-file|bad-json/);
        return true;
      });
    }
  });

  it('names no kind for bytes of no format, and never fails', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const kind = fileKind(bytes, bytes.length);
        if (kind) assert.ok(kind.what.length > 3 && kind.what.length < 200 && kind.hint.endsWith('.'));
      }),
      { numRuns: 1000 },
    );
    assert.equal(fileKind(latin('\x37\xc9\xf0\x11\x9e\x02\xfb\xaa\xd1'), 9), undefined);
  });
});
