import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parse } from 'jsonc-parser';
import { eventually } from '../../patience';

interface Tasks {
  readonly tasks: readonly { readonly label: string; readonly problemMatcher: Matcher }[];
}
interface Matcher {
  readonly pattern: { readonly regexp: string };
  readonly background: { readonly beginsPattern: string; readonly endsPattern: string };
}
interface Watch {
  readonly watch: (root: string, outdir: string, say: (line: string) => void) => Promise<{ close(): Promise<unknown> }>;
}

/** A program that is asked for the schema and for the methods. */
const CLI = (version: number) =>
  `import { shared } from './shared';\nconsole.log(JSON.stringify({ version: ${version}, shared, asked: process.argv.slice(2) }));\n`;

/** As an editor does with the lines of a task: the problems there are after the last end. */
class Editor {
  #problems: string[] = [];
  builds = 0;
  readonly #matcher: Matcher;

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
  }

  read(line: string): void {
    const { pattern, background } = this.#matcher;
    if (new RegExp(background.beginsPattern).test(line)) this.#problems = [];
    else if (new RegExp(background.endsPattern).test(line)) this.builds++;
    else {
      const found = new RegExp(pattern.regexp).exec(line);
      assert.ok(found, `no problem, begin or end: ${line}`);
      this.#problems.push(found.slice(1, 5).join(' '));
    }
  }

  /** File, line, column and severity of each. */
  get problems(): readonly string[] {
    return this.#problems;
  }
}

it('npm run watch bundles what has changed, and its lines are what the task of the editor looks for', async () => {
  const { tasks } = parse(await readFile(path.resolve('.vscode', 'tasks.json'), 'utf8')) as Tasks;
  const editor = new Editor(tasks.find(({ label }) => label === 'watch')!.problemMatcher);
  const { watch } = (await import(pathToFileURL(path.resolve('build', 'watch.mjs')).href)) as Watch;
  const root = await mkdtemp(path.join(os.tmpdir(), 'winnow-watch-'));
  const write = async (name: string, text: string) => {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  };
  const built = (name: string) => readFile(path.join(root, 'dist', name), 'utf8');
  await write('package.json', '{ "version": "1.2.3", "type": "module" }');
  await write('core/shared.ts', "export const shared: string = 'first';\n");
  await write('core/cli.ts', CLI(1));
  await write('extension/extension.ts', "import { shared } from '../core/shared';\nexport const told = shared;\n");
  await write('webview/panel/main.tsx', "document.title = 'one';\n");
  await write('dist/chunks/old.js', '');

  const watching = await watch(root, 'dist', (line) => {
    editor.read(line);
  });
  try {
    await eventually('the first build', () => editor.builds === 1);
    assert.deepEqual(editor.problems, []);
    assert.deepEqual(JSON.parse(await built('winnow.schema.json')), { version: 1, shared: 'first', asked: ['schema'] });
    assert.match(await built('extension.cjs'), /first/);
    assert.match(await built('webview/panel.js'), /one/);
    await assert.rejects(built('chunks/old.js'), { code: 'ENOENT' });

    await write('core/cli.ts', CLI(2));
    await write('webview/panel/main.tsx', "document.title = 'two';\n");
    await eventually('the methods', async () => (await built('methods.json')).includes('"version":2'));
    await eventually('the panel', async () => (await built('webview/panel.js')).includes('two'));

    // In two bundles: one problem, which stays while another bundle is built without one.
    await write('core/shared.ts', 'export const shared = ;\n');
    await eventually('the problem', () => editor.problems.length === 1);
    const builds = editor.builds;
    await write('webview/panel/main.tsx', "document.title = 'three';\n");
    await eventually('the panel', async () => (await built('webview/panel.js')).includes('three'));
    await eventually('the end', () => editor.builds > builds);
    assert.deepEqual(editor.problems, ['core/shared.ts 1 23 error']);
    assert.match(await built('extension.cjs'), /first/);

    await write('core/shared.ts', "export const shared: string = 'mended';\n");
    await eventually('the extension', async () => (await built('extension.cjs')).includes('mended'));
    await eventually('the schema', async () => (await built('winnow.schema.json')).includes('mended'));
    await eventually('no problem', () => editor.problems.length === 0);

    // A program that does not run says nothing new about the schema, and that it does not run.
    await write('core/cli.ts', "throw new Error('broken');\n");
    await eventually('the problem', () => editor.problems.length === 1);
    assert.deepEqual(editor.problems, ['build.mjs 1 1 error']);
    assert.match(await built('winnow.schema.json'), /mended/);
  } finally {
    await watching.close();
    await rm(root, { recursive: true, force: true });
  }
});
