// License texts that packages do not bring, or not all of them, as their sources have them. A new version has to be looked at anew.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const text = (name) => readFileSync(path.join(import.meta.dirname, `${name}.txt`), 'utf8').trim();
const mit = (copyright) => `MIT License\n\n${copyright}\n\n${text('MIT')}`;
const MICROSOFT = 'Copyright (c) Microsoft Corporation. All rights reserved.';
const missing = (packages, version, license, texts) => ({ packages, version, license, texts });

/** Its README says what is in the library; the terms of the GPL are part of those of the LGPL. */
const libvips = ({ readme }) => [readme.trim(), text('LGPL-3.0'), text('GPL-3.0')];
/** With the notices of what its library is linked with, from the package for Python of the same version. */
const onnxruntime = () => [mit('Copyright (c) Microsoft Corporation'), text('onnxruntime-1.30.0')];
const tfjs = () => [`Copyright Google LLC. All rights reserved.\n\n${text('Apache-2.0')}`];

export const MISSING_TEXTS = [
  missing(/^onnxruntime-(node|common)$/, '1.30.0', 'MIT', onnxruntime),
  missing(/^@img\/sharp-libvips-/, '1.3.4', 'LGPL-3.0-or-later', libvips),
  // On Windows libvips lies in the package that calls it.
  missing(/^@img\/sharp-win32-/, '0.35.5', 'Apache-2.0 AND LGPL-3.0-or-later', libvips),
  missing(/^@tensorflow\/tfjs-core$/, '4.22.0', 'Apache-2.0', tfjs),
  missing(/^@microsoft\/fast-element$/, '1.14.0', 'MIT', () => [mit(MICROSOFT)]),
  missing(/^@microsoft\/fast-foundation$/, '2.50.0', 'MIT', () => [mit(MICROSOFT)]),
  missing(/^@microsoft\/fast-web-utilities$/, '5.4.1', 'MIT', () => [mit(MICROSOFT)]),
  missing(/^@vscode\/l10n$/, '0.0.18', 'MIT', () => [mit('Copyright (c) Microsoft Corporation.')]),
  missing(/^tr46$/, '0.0.3', 'MIT', () => [mit('Copyright (c) Sebastian Mayr')]),
];

const unchanged = (source) =>
  `By Microsoft, unchanged from the npm package onnxruntime-node, which brings no text of its terms: see those of ${source}.`;
/** What onnxruntime-node packs for Windows besides itself. */
export const MICROSOFT_LIBRARIES = {
  'DirectML.dll': unchanged('Microsoft.AI.DirectML'),
  'dxcompiler.dll': unchanged('Microsoft.Direct3D.DXC (the DirectX Shader Compiler, which is built on LLVM)'),
  'dxil.dll': unchanged('Microsoft.Direct3D.DXC'),
};
