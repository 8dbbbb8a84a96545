import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as esbuild from 'esbuild';
import type * as typescript from 'typescript';

const DOCUMENT = path.resolve('docs', 'adding-a-method.md');

/** The part of `build/bundles.mjs` that is used here. */
interface Build {
  readonly bundles: (root: string, outdir: string, options: object) => { readonly programs: esbuild.BuildOptions };
  readonly writeSchemas: (into: string) => void;
}

/** Loaded as they are, not bundled with the test. */
const load = createRequire(path.resolve('package.json'));

/** The blocks of the document that name a file: `ts core/methods/…`. */
export interface Example {
  /** New files: their content by their path. */
  readonly files: ReadonlyMap<string, string>;
  /** Changes of files that are there: the text to replace, and what takes its place. */
  readonly changes: ReadonlyMap<string, { readonly from: string; readonly to: string }>;
}

export async function readExample(): Promise<Example> {
  const text = await readFile(DOCUMENT, 'utf8');
  const files = new Map<string, string>();
  const changes = new Map<string, { from: string; to: string }>();
  for (const [, language, file, block] of text.matchAll(/^```(\w+) (\S+)\n(.*?)^```$/gms)) {
    if (language !== 'diff') {
      files.set(file!, block!);
      continue;
    }
    const lines = block!.split('\n').slice(0, -1);
    // An editor may have removed the space that stands for a blank line.
    const side = (other: string) =>
      lines
        .filter((line) => !line.startsWith(other))
        .map((line) => line.slice(1))
        .join('\n');
    changes.set(file!, { from: side('+'), to: side('-') });
  }
  return { files, changes };
}

/** A copy of the core in a temporary folder, with the example in it. */
export class House {
  private constructor(
    readonly folder: string,
    readonly example: Example,
  ) {}

  static async open(): Promise<House> {
    const house = new House(await mkdtemp(path.join(tmpdir(), 'winnow-example-')), await readExample());
    await cp(path.resolve('core'), house.at('core'), { recursive: true });
    for (const file of ['package.json', 'tsconfig.json', '.dependency-cruiser.mjs'])
      await cp(path.resolve(file), house.at(file));
    await symlink(path.resolve('node_modules'), house.at('node_modules'), 'junction');
    for (const [file, content] of house.example.files) {
      await mkdir(path.dirname(house.at(file)), { recursive: true });
      await writeFile(house.at(file), content);
    }
    for (const [file, { from, to }] of house.example.changes) {
      const before = await readFile(house.at(file), 'utf8');
      assert.equal(before.split(from).length, 2, `${DOCUMENT} shows ${file} as it was before`);
      await writeFile(house.at(file), before.replace(from, to));
    }
    return house;
  }

  at = (file: string): string => path.join(this.folder, file);

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** What the compiler says about the files of the example and those that it changes. */
  typeErrors(): string[] {
    const ts = load('typescript') as typeof typescript;
    const { config } = ts.readConfigFile(this.at('tsconfig.json'), (file) => ts.sys.readFile(file)) as {
      config: unknown;
    };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, this.folder);
    const sources = [...this.example.files.keys(), ...this.example.changes.keys()].filter((file) =>
      file.endsWith('.ts'),
    );
    const program = ts.createProgram(
      sources.map((file) => this.at(file)),
      options,
    );
    return sources.flatMap((file) => {
      const source = program.getSourceFile(this.at(file));
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return found.map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
    });
  }

  /** What the check of imports says about the methods; nothing where all is well. */
  wallErrors(): string {
    const checked = spawnSync(
      process.execPath,
      [
        path.resolve('node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
        ...['--config', '.dependency-cruiser.mjs', '--output-type', 'err', 'core/methods'],
      ],
      { cwd: this.folder, encoding: 'utf8' },
    );
    return checked.status === 0 ? '' : checked.stdout + checked.stderr;
  }

  /** Bundles the programs and writes the schema and the list of methods, as the build does. */
  async build(): Promise<void> {
    const { bundles, writeSchemas } = (await import(pathToFileURL(path.resolve('build', 'bundles.mjs')).href)) as Build;
    await (load('esbuild') as typeof esbuild).build(bundles(this.folder, 'dist', { minify: false }).programs);
    writeSchemas(this.at('dist'));
  }

  /** Runs its command line in the folder. @returns what it printed, after checking that it went well */
  winnow(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, [this.at(path.join('dist', 'cli.js')), ...args], {
      cwd: this.folder,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
    return stdout;
  }
}
