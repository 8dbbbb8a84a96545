import { eigh } from '../../core/engine/linalg/eigh';
import { matmul } from '../../core/engine/linalg/gemm';
import type { Matrix } from '../../core/engine/linalg/matrix';
import { transpose, zeroMatrix } from '../../core/engine/linalg/matrix';
import { thinQr } from '../../core/engine/linalg/qr';
import { singularValues, truncatedSvd } from '../../core/engine/linalg/svd';
import { Random } from '../../core/random';

export interface LinalgRow {
  readonly task: string;
  readonly seconds: number;
  /** Processor time of all threads: comparable on a machine that others use too. */
  readonly cpuSeconds: number;
  /** Where a Frobenius error is the result. */
  readonly relativeError?: number;
}

function gaussian(rows: number, cols: number): Matrix {
  const random = new Random(1);
  const result = zeroMatrix(rows, cols);
  for (let i = 0; i < result.data.length; i++) result.data[i] = random.normal();
  return result;
}

async function measure(task: string, run: () => Promise<{ relativeError?: number } | Matrix | Float64Array>) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await run();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const row: LinalgRow = { task, seconds, cpuSeconds: (user + system) / 1e6 };
  return 'relativeError' in result ? { ...row, relativeError: result.relativeError } : row;
}

/** Dense linear algebra in double precision, on Gaussian matrices: the slowest decay that a weight can have. */
export async function benchLinalg(): Promise<LinalgRow[]> {
  const square = gaussian(2048, 2048);
  const half = gaussian(512, 512);
  const other = transpose(half).data;
  const symmetric = { ...half, data: half.data.map((value, i) => value + other[i]!) };
  // The first product of its kind is compiled.
  await matmul(half, half);
  return [
    await measure('product 2048 x 2048 x 2048', () => matmul(square, square)),
    await measure('QR 2048 x 512', async () => (await thinQr(gaussian(2048, 512))).q),
    await measure('eigen-decomposition 512', async () => (await eigh(symmetric)).vectors),
    await measure('singular values 2048 x 2048', () => singularValues(square)),
    await measure('truncated SVD 2048 x 2048, rank 512', () => truncatedSvd(square, 512)),
    await measure('truncated SVD 2048 x 2048, rank 128', () => truncatedSvd(square, 128)),
  ];
}
