/**
 * The walls between the rooms of `core/`: which room may import from which. `npm run lint` checks them, and that there are no
 * cycles, types included. A room may import from the rooms in its list, from itself, and from the shared files directly in
 * `core/`.
 */
const ROOMS = {
  protocol: [],
  workers: [],
  engine: ['protocol'],
  checkpoint: ['engine', 'protocol'],
  data: ['checkpoint', 'engine', 'protocol'],
  models: ['data', 'checkpoint', 'engine', 'protocol'],
  training: ['models', 'data', 'checkpoint', 'engine', 'protocol'],
  experiments: ['workers', 'training', 'models', 'checkpoint', 'engine', 'protocol'],
  inspection: ['experiments', 'models', 'checkpoint', 'engine', 'protocol'],
  comparison: ['experiments', 'training', 'models', 'data', 'checkpoint', 'engine', 'protocol'],
  compute: ['experiments', 'runtimes', 'workers', 'checkpoint', 'engine', 'protocol'],
  runtimes: ['workers', 'engine', 'protocol'],
  methods: ['comparison', 'experiments', 'workers', 'training', 'models', 'data', 'checkpoint', 'engine', 'protocol'],
  cli: [
    'methods',
    'runtimes',
    'compute',
    'workers',
    'comparison',
    'inspection',
    'experiments',
    'models',
    'checkpoint',
    'engine',
    'protocol',
  ],
};

/** The entry points, which combine the rooms. */
const PROGRAMS = '^core/(cli|worker|dispatcher|agent|inspector|stopwatch|verifier)\\.ts$';
/** Other files directly in `core/`. */
const SHARED = '^core/[^/]+\\.ts$';

const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

export default {
  forbidden: [
    error('no-cycle', 'Put what both need into a file of its own.', {}, { circular: true }),
    ...Object.entries(ROOMS).map(([room, below]) =>
      error(
        `core-${room}`,
        `core/${room} may import from ${below.map((name) => `core/${name}`).join(', ') || 'no other room'}.`,
        { path: `^core/${room}/` },
        { path: '^(core|extension|webview|test)/', pathNot: [SHARED, `^core/(${[room, ...below].join('|')})/`] },
      ),
    ),
    error(
      'core-shared',
      'What everybody uses knows no room but core/protocol.',
      { path: SHARED, pathNot: PROGRAMS },
      { path: '^(core/(?!protocol/)[^/]+/|extension/|webview/|test/)' },
    ),
    error('no-program', 'A program is started, not imported.', {}, { path: PROGRAMS }),
    error(
      'method-siblings',
      'No method imports another: what both need is a library (core/comparison, core/training, core/models, core/data).',
      { path: '^core/methods/([^/]+)/' },
      { path: '^core/methods/[^/]+/', pathNot: '^core/methods/$1/' },
    ),
    error(
      'method-inside',
      'Nothing outside of core/methods knows a method: ask the registry, or a file of core/methods itself.',
      { path: '^(core|extension|webview)/', pathNot: '^core/methods/' },
      { path: '^core/methods/[^/]+/' },
    ),
    error(
      'plain-node',
      'core runs in plain Node: it knows neither VS Code nor the panels.',
      { path: '^core/' },
      { path: '^(vscode$|extension/|webview/|test/)|@types/vscode' },
    ),
    error(
      'panels',
      'Panels run in a browser: they know core/protocol alone.',
      { path: '^webview/' },
      { path: '^(vscode$|core/(?!protocol/)|extension/|test/)|@types/vscode' },
    ),
    error(
      'panels-no-node',
      'Panels run in a browser, which has no modules of Node.',
      { path: '^webview/' },
      { dependencyTypes: ['core'] },
    ),
    error(
      'extension',
      'The extension talks to the panels through core/protocol alone.',
      { path: '^extension/' },
      { path: '^(webview|test)/' },
    ),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist' },
  },
};
