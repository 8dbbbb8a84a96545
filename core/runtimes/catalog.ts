import * as l10n from '@vscode/l10n';
import type { Installable } from '../engine/runtime/installed';
import type { NpmPackage } from './npm-registry';
import onnxruntime126 from './packages/onnxruntime-1.26.lock.json';
import tensorflow from './packages/tensorflow.lock.json';

/**
 * What can be installed, down to the byte: every wheel with its SHA-256, every npm package with its integrity. So it does not
 * matter which index the user has; one that serves another file is refused.
 */

/** A file of a Python index. A wheel is a zip file; no Python is needed to unpack it. */
export interface Wheel {
  /** The project's name, as it is in the index. */
  readonly project: string;
  readonly file: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Which of its files are taken, and into which folder. */
  readonly take: readonly { readonly files: RegExp; readonly into: string }[];
}

/** The lock file of npm packages, without addresses: those are the user's registry's. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedEntry>>;
}

interface LockedEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly dependencies?: object;
}

/** A package of a lock file. */
export interface LockedPackage extends NpmPackage {
  /** Where it goes: `node_modules/<name>`, maybe in that of another package. */
  readonly place: string;
}

/** The npm packages that a variant needs, outer ones first. */
export const packagesOf = ({ packages }: Pick<Variant, 'packages'>): LockedPackage[] =>
  'own' in packages
    ? []
    : Object.entries(packages.lock.packages)
        .filter(([place]) => place !== '')
        .map(([place, { version = '', integrity = '' }]) => ({
          place,
          name: place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
          version,
          integrity,
        }))
        .sort((a, b) => (a.place < b.place ? -1 : 1));

/** One way to provide a runtime. Versions in it fit each other, and only each other. */
export interface Variant {
  readonly id: string;
  readonly name: Installable;
  readonly title: () => string;
  readonly platform: string;
  readonly wheels: readonly Wheel[];
  /** Where the npm packages come from: a copy of Winnow's own ONNX Runtime, if it has this version, or npm. */
  readonly packages: { readonly own: string } | { readonly lock: Lock };
  /** Bytes on disk, about. */
  readonly unpacked: number;
  /** The package that programs load, relative to the folder. */
  readonly package: string;
  /** Shared libraries to load before it, in this order. */
  readonly libraries: readonly string[];
  /** What it needs of an NVIDIA GPU, if it is made for one. */
  readonly gpu?: {
    readonly driver: number;
    readonly computeCapability: number;
    /** Without one it computes nothing; others fall back to the CPU. */
    readonly required?: true;
  };
  /** Whether an add-on is compiled, which needs g++. */
  readonly compiled?: true;
}

const LIB = 'lib';
const ORT = 'node_modules/onnxruntime-node';
const TFJS = 'node_modules/@tensorflow/tfjs-node-gpu';
const ORT_FOLDER = `${ORT}/bin/napi-v6/linux/x64`;

const wheel = (
  project: string,
  version: string,
  tag: string,
  size: number,
  sha256: string,
  take: Wheel['take'],
): Wheel => ({
  project,
  file: `${project.replaceAll('-', '_')}-${version}-${tag}.whl`,
  sha256,
  size,
  take,
});

/** Wheels of NVIDIA: their shared libraries, without the alternative builds of nvrtc. */
const nvidia = (project: string, version: string, tag: string, size: number, sha256: string): Wheel =>
  wheel(project, version, `py3-none-${tag}`, size, sha256, [
    { files: /^nvidia\/[^/]+\/lib\/lib(?!.*\.alt\.)[^/]+\.so[.\d]*$/, into: LIB },
  ]);

/** ONNX Runtime's wheels: the CUDA provider. The rest is the npm package's, which is built from the same commit. */
const provider = (version: string, tag: string, size: number, sha256: string): Wheel =>
  wheel('onnxruntime-gpu', version, `cp312-cp312-${tag}`, size, sha256, [
    { files: /^onnxruntime\/capi\/libonnxruntime_providers_(cuda|shared)\.so$/, into: ORT_FOLDER },
  ]);

/** TensorFlow's wheels: its two libraries, and the headers of its C API. */
const tensorflowWheel = (project: string, size: number, sha256: string): Wheel =>
  wheel(project, '2.20.0', 'cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64', size, sha256, [
    { files: /^tensorflow\/libtensorflow_(cc|framework)\.so\.2$/, into: LIB },
    {
      files:
        /^tensorflow\/include\/(tensorflow\/c\/[^/]+\.h|tensorflow\/c\/eager\/c_api\.h|(tensorflow\/core|tsl)\/platform\/ctstring(_internal)?\.h|xla\/tsl\/c\/[^/]+\.h)$/,
      into: 'build',
    },
  ]);

const CUDA_12 = {
  cublas: nvidia(
    'nvidia-cublas-cu12',
    '12.8.4.1',
    'manylinux_2_27_x86_64',
    594346921,
    '8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142',
  ),
  cudnn: nvidia(
    'nvidia-cudnn-cu12',
    '9.8.0.87',
    'manylinux_2_27_x86_64',
    697999707,
    'd6b02cd0e3e24aa31d0193a8c39fec239354360d7d81055edddb69f35d53a4c8',
  ),
  nvrtc: nvidia(
    'nvidia-cuda-nvrtc-cu12',
    '12.8.93',
    'manylinux2010_x86_64.manylinux_2_12_x86_64',
    88040029,
    'a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994',
  ),
  curand: nvidia(
    'nvidia-curand-cu12',
    '10.3.9.90',
    'manylinux_2_27_x86_64',
    63619976,
    'b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9',
  ),
  cudart: nvidia(
    'nvidia-cuda-runtime-cu12',
    '12.8.90',
    'manylinux2014_x86_64.manylinux_2_17_x86_64',
    954765,
    'adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90',
  ),
  cufft: nvidia(
    'nvidia-cufft-cu12',
    '11.3.3.83',
    'manylinux2014_x86_64.manylinux_2_17_x86_64',
    193118695,
    '4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74',
  ),
  cusolver: nvidia(
    'nvidia-cusolver-cu12',
    '11.7.3.90',
    'manylinux_2_27_x86_64',
    267506905,
    '4376c11ad263152bd50ea295c05370360776f8c3427b30991df774f9fb26c450',
  ),
  cusparse: nvidia(
    'nvidia-cusparse-cu12',
    '12.5.8.93',
    'manylinux2014_x86_64.manylinux_2_17_x86_64',
    288216466,
    '1ec05d76bbbd8b61b06a80e1eaf8cf4959c3d4ce8e711b65ebd0443bb0ebb13b',
  ),
  nvjitlink: nvidia(
    'nvidia-nvjitlink-cu12',
    '12.8.93',
    'manylinux2010_x86_64.manylinux_2_12_x86_64',
    39254836,
    '81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88',
  ),
};

const inLib = (...files: string[]) => files.map((file) => `${LIB}/${file}`);

/** The variants of each runtime, the preferred one first. */
export const VARIANTS: readonly Variant[] = [
  {
    id: 'cuda-13',
    name: 'cuda',
    title: () => l10n.t('ONNX Runtime 1.30.0 with CUDA 13'),
    platform: 'linux-x64',
    gpu: { driver: 580, computeCapability: 7.5, required: true },
    wheels: [
      provider(
        '1.30.0',
        'manylinux_2_28_x86_64',
        246685715,
        '6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1',
      ),
      nvidia(
        'nvidia-cublas',
        '13.0.2.14',
        'manylinux_2_27_x86_64',
        420882912,
        '0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c',
      ),
      nvidia(
        'nvidia-cudnn-cu13',
        '9.28.1.4',
        'manylinux_2_27_x86_64',
        516817937,
        'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec',
      ),
      nvidia(
        'nvidia-cuda-nvrtc',
        '13.0.88',
        'manylinux2010_x86_64.manylinux_2_12_x86_64',
        90215200,
        'ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575',
      ),
      nvidia(
        'nvidia-curand',
        '10.4.0.35',
        'manylinux_2_27_x86_64',
        59544258,
        '1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc',
      ),
      nvidia(
        'nvidia-cuda-runtime',
        '13.0.96',
        'manylinux2014_x86_64.manylinux_2_17_x86_64',
        2243632,
        '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
      ),
    ],
    packages: { own: '1.30.0' },
    unpacked: 2.1e9,
    package: ORT,
    libraries: inLib(
      'libcudart.so.13',
      'libcublasLt.so.13',
      'libcublas.so.13',
      'libcurand.so.10',
      'libnvrtc-builtins.so.13.0',
      'libnvrtc.so.13',
      'libcudnn.so.9',
    ),
  },
  {
    id: 'cuda-12',
    name: 'cuda',
    title: () => l10n.t('ONNX Runtime 1.26.0 with CUDA 12'),
    platform: 'linux-x64',
    gpu: { driver: 525, computeCapability: 6, required: true },
    wheels: [
      provider(
        '1.26.0',
        'manylinux_2_27_x86_64.manylinux_2_28_x86_64',
        276971796,
        '3c01119ed4d9449d60367fa8ccffcd02bd3fe736754284e4b198d131f54edad6',
      ),
      ...[CUDA_12.cublas, CUDA_12.cudnn, CUDA_12.nvrtc, CUDA_12.curand, CUDA_12.cudart, CUDA_12.cufft],
    ],
    packages: { lock: onnxruntime126 },
    unpacked: 2.8e9,
    package: ORT,
    libraries: inLib(
      'libcudart.so.12',

      'libcublasLt.so.12',
      'libcublas.so.12',
      'libcurand.so.10',
      'libcufft.so.11',
      'libnvrtc-builtins.so.12.8',
      'libnvrtc.so.12',
      'libcudnn.so.9',
    ),
  },
  {
    id: 'tensorflow-gpu',
    name: 'tensorflow',
    title: () => l10n.t('TensorFlow 2.20.0 with CUDA 12'),
    platform: 'linux-x64',
    gpu: { driver: 525, computeCapability: 6 },
    wheels: [
      tensorflowWheel('tensorflow', 620682547, '25265b0bc527e0d54b1e9cc60c44a24f44a809fe27666b905f0466471f9c52ec'),
      ...Object.values(CUDA_12),
    ],
    packages: { lock: tensorflow },
    unpacked: 4.8e9,
    package: TFJS,
    libraries: inLib(
      'libcudart.so.12',
      'libnvJitLink.so.12',
      'libcublasLt.so.12',
      'libcublas.so.12',
      'libcurand.so.10',
      'libcufft.so.11',
      'libcusparse.so.12',
      'libcusolver.so.11',
      'libnvrtc-builtins.so.12.8',
      'libnvrtc.so.12',
      'libcudnn.so.9',
      'libtensorflow_framework.so.2',
      'libtensorflow_cc.so.2',
    ),
    compiled: true,
  },
  {
    id: 'tensorflow-cpu',
    name: 'tensorflow',
    title: () => l10n.t('TensorFlow 2.20.0 for the CPU'),
    platform: 'linux-x64',
    wheels: [
      tensorflowWheel('tensorflow-cpu', 258989246, 'c7a9224185818094ed95c4e114d3efe77241db35fbf0b75251fb2bf6222dd6a7'),
    ],
    packages: { lock: tensorflow },
    unpacked: 1.2e9,
    package: TFJS,
    libraries: inLib('libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'),
    compiled: true,
  },
];

/** @throws RangeError for a variant of another version of Winnow */
export function variantNamed(id: string): Variant {
  const found = VARIANTS.find((variant) => variant.id === id);
  if (!found) throw new RangeError(`there is no variant ${id}`);
  return found;
}

/** Bytes to download, without npm packages. */
export const downloadSize = ({ wheels }: Variant): number => wheels.reduce((sum, { size }) => sum + size, 0);
