// ThirdPartyNotices.txt: every package with code or data in a .vsix, and its license terms.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import satisfies from 'spdx-satisfies';
import { MICROSOFT_LIBRARIES, MISSING_TEXTS } from './licenses/missing.mjs';

/** Allowed licenses for code that is distributed to users. */
const ALLOWED = [
  ...['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0'],
  ...['BlueOak-1.0.0', 'CC0-1.0', 'Unlicense', 'Python-2.0'],
];
/** libvips is a shared library in a file of its own that users can replace, as the LGPL requires. */
const ALLOWED_AS_SHARED_LIBRARY = { packages: /^@img\/sharp-/, licenses: ['LGPL-3.0-or-later'] };

const LICENSE_FILE = /^(licen[cs]e|copying)([.-]|$)/i;
const FURTHER_FILE = /^(notice|third-?party-?notices?|copyright)([.-]|$)/i;
const TEXT = /^[^.]*(\.(md|txt|markdown|mit|apache2?|bsd))?$/i;

const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** @returns the folder of the package that a file belongs to, `node_modules/…`; undefined for Winnow's own files */
const packageOf = (file) => /^.*(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file.replaceAll('\\', '/'))?.[0];

/**
 * @returns the folders of the packages that are part of a bundle, from esbuild's metafiles; tree-shaken ones are not included
 */
export function bundledPackages(root, metafiles) {
  const files = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
    ),
  );
  // Paths of files from a plugin begin with its namespace.
  const folders = files.flatMap((file) => packageOf(file.replace(/^[\w-]+:(?=node_modules\/)/, '')) ?? []);
  return [...new Set(folders)].map((folder) => path.resolve(root, folder));
}

/** @returns the folders of the packages in a node_modules folder */
export function packedPackages(modules) {
  const entries = readdirSync(modules, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return entries.flatMap(({ name }) =>
    name.startsWith('@') ? packedPackages(path.join(modules, name)) : [path.join(modules, name)],
  );
}

/** @returns name, version and license terms of a package, from its folder */
function read(folder) {
  const { name, version, license, author, repository, homepage } = JSON.parse(
    readFileSync(path.join(folder, 'package.json'), 'utf8'),
  );
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && TEXT.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  const textOf = (pattern) =>
    files.filter((file) => pattern.test(file)).map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
  return {
    name,
    version,
    license,
    author: typeof author === 'string' ? author : author?.name,
    source: (typeof repository === 'string' ? repository : repository?.url) ?? homepage,
    texts: textOf(LICENSE_FILE).filter((text) => text !== ''),
    further: textOf(FURTHER_FILE).filter((text) => text !== ''),
    readme: files.includes('README.md') ? readFileSync(path.join(folder, 'README.md'), 'utf8') : '',
  };
}

/** Adds license texts that a package lacks. @returns what is wrong with its terms, or undefined */
function complete(one) {
  const missing = MISSING_TEXTS.find(({ packages }) => packages.test(one.name));
  if (missing !== undefined) {
    if (missing.version !== one.version)
      return `its license text in build/licenses is that of ${missing.version}: read what ${one.version} is under, then change build/licenses/missing.mjs`;
    if (missing.license !== one.license) return `its license is ${one.license}, no longer ${missing.license}`;
    one.texts.push(...missing.texts(one));
  }
  if (one.texts.length === 0)
    return 'it has no license text: find it where its source is, then add it to build/licenses/missing.mjs';
  const { packages, licenses } = ALLOWED_AS_SHARED_LIBRARY;
  const allowed = packages.test(one.name) ? [...ALLOWED, ...licenses] : ALLOWED;
  try {
    if (satisfies(one.license, allowed)) return undefined;
  } catch {
    return `its license is no SPDX expression: ${JSON.stringify(one.license)}`;
  }
  return `its license is not on the list of build/notices.mjs: ${one.license}`;
}

/** @returns libraries packed with ONNX Runtime that are not part of it */
function librariesOf(modules) {
  const files = readdirSync(modules, { recursive: true }).map((file) => path.basename(file));
  return [
    ...new Set(files.filter((file) => /\.(dll|dylib|so(\.\d+)*)$/.test(file) && !/onnxruntime|libvips/.test(file))),
  ];
}

/**
 * @param metafiles of every bundle in the product
 * @param modules the folder of the packages that are included as they are
 * @throws Error, naming each package whose terms are unknown or not allowed
 */
export function thirdPartyNotices({ root, product, metafiles, modules }) {
  const packages = new Map();
  for (const folder of [...packedPackages(modules), ...bundledPackages(root, metafiles)]) {
    const one = read(folder);
    packages.set(`${one.name}@${one.version}`, one);
  }
  const sorted = [...packages].sort(([a], [b]) => byName(a, b));
  const libraries = librariesOf(modules).sort();
  const problems = sorted.flatMap(([key, one]) => {
    const problem = complete(one);
    return problem === undefined ? [] : [`${key}: ${problem}`];
  });
  for (const file of libraries)
    if (!(file in MICROSOFT_LIBRARIES)) problems.push(`${file}: a library of unknown terms, packed with a package`);
  if (problems.length > 0)
    throw new Error(`Third-party terms that do not allow packaging:\n  ${problems.join('\n  ')}`);

  const contents = sorted.map(([key, { license, author, source }]) => [key, license, author, source]);
  // Two hundred packages of one project share a license text; it is printed once, below all their names.
  const groups = new Map();
  for (const [key, { texts, further }] of sorted) {
    const text = [...texts, ...further].join('\n\n');
    groups.set(text, [...(groups.get(text) ?? []), key]);
  }
  for (const file of libraries)
    groups.set(MICROSOFT_LIBRARIES[file], [...(groups.get(MICROSOFT_LIBRARIES[file]) ?? []), file]);
  return [
    `Third-party software in ${product}`,
    [...contents.map((line) => line.filter(Boolean).join(' | ')), ...libraries].join('\n'),
    ...[...groups].map(([text, names]) => ['='.repeat(80), ...names, '-'.repeat(80), text].join('\n')),
    '',
  ].join('\n\n');
}
