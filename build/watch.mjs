// `npm run watch`: bundles again after every change, and reports it in the format that the problem matcher of
// .vscode/tasks.json reads.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundles, clear, writeSchemas } from './bundles.mjs';

const line = ({ location, text }, severity) => {
  // Messages without a location are attributed to the build file.
  const { file, line, column } = location ?? { file: 'build.mjs', line: 1, column: 0 };
  return `${file}:${line}:${column + 1}: ${severity}: ${text.replaceAll('\n', ' ')}`;
};

/** Writes only files that have changed, because a program may be reading the others. */
function keep(files) {
  for (const { path: file, contents } of files) {
    if (existsSync(file) && readFileSync(file).equals(contents)) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
}

/**
 * Bundles into a folder now, and again after every change of a source, until it is closed. Unlike esbuild, it keeps the files
 * of earlier builds until the next start: a running worker may not have loaded all of its chunks yet, and while a source has
 * an error, the last good build is still there.
 */
export async function watch(root, outdir, say = console.log) {
  const esbuild = await import('esbuild');
  const into = clear(root, outdir);
  const options = Object.entries(bundles(root, outdir, { minify: false }));
  /**
   * The messages of each bundle's last build. A source may be part of several bundles, so the end is reported once for all of
   * them.
   */
  const lines = new Map();
  const begun = new Set();
  let running = options.length;

  const report = (name) => ({
    name: 'report',
    setup({ onStart, onEnd }) {
      onStart(() => {
        // The first builds count as one, which has already been announced.
        if (begun.has(name) && running++ === 0) say('[watch] build started');
        begun.add(name);
      });
      onEnd(({ errors, warnings, outputFiles = [] }) => {
        keep(outputFiles);
        const said = [...errors.map((one) => line(one, 'error')), ...warnings.map((one) => line(one, 'warning'))];
        if (name === 'programs' && errors.length === 0)
          try {
            writeSchemas(into);
          } catch (error) {
            said.push(line({ text: error.message }, 'error'));
          }
        lines.set(name, said);
        if (--running > 0) return;
        for (const text of new Set([...lines.values()].flat())) say(text);
        say('[watch] build finished');
      });
    },
  });

  say('[watch] build started');
  const contexts = [];
  for (const [name, one] of options)
    contexts.push(
      await esbuild.context({
        ...one,
        write: false,
        logLevel: 'silent',
        plugins: [...(one.plugins ?? []), report(name)],
      }),
    );
  await Promise.all(contexts.map((context) => context.watch()));
  return { close: () => Promise.all(contexts.map((context) => context.dispose())) };
}
