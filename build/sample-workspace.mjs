// A folder to try Winnow in, with the samples of all methods: for `npm run workbench` and F5.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { walk } from './bundles.mjs';

const README = `# A workspace to try Winnow in

- Open the Winnow icon in the bar on the left.
- \`family.winnow.json\` makes four smaller models out of the one that Winnow brings: a few minutes. Press "Run" above its first line.
- \`spirals-example/\` is a program of your own as an experiment: seconds. It needs \`node\` on the PATH.

The samples are written again at every start. To change one, copy it; runs and other files of yours stay.
`;

/** Writes the samples into a folder and leaves other files in it alone. @returns the folder */
export function makeSampleWorkspace(root, folder) {
  mkdirSync(folder, { recursive: true });
  const samples = walk(path.join(root, 'core', 'methods')).filter((file) => file.endsWith('.winnow.json'));
  for (const file of samples) {
    const [base, home] = [path.basename(file), path.dirname(file)];
    // A sample that needs other files has its own folder.
    if (path.basename(home) === 'example')
      cpSync(home, path.join(folder, base.replace('.winnow.json', '-example')), { recursive: true });
    else {
      const isShared = samples.some((other) => other !== file && path.basename(other) === base);
      cpSync(file, path.join(folder, isShared ? `${path.basename(home)}-${base}` : base));
    }
  }
  writeFileSync(path.join(folder, 'README.md'), README);
  return folder;
}
