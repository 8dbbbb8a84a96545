// The program that a connection starts on a remote: it is sent as text, receives Winnow if that is not there yet, and becomes
// its agent. It can therefore use nothing but Node.
import { pathToFileURL } from 'node:url';
import { mkdirSync } from 'node:fs';
import type { AgentStart, StartAgent } from './agent';
import type { StoreCalls } from './calls';
import { serve } from './serve';
import { Store } from './store';

/** The C library of Linux; where Node was not built for glibc, it is musl. */
function libc(): { libc?: string } {
  if (process.platform !== 'linux') return {};
  // Without looking up the names of connected machines, which takes seconds where no name server answers.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return { libc: header?.glibcVersionRuntime === undefined ? 'musl' : `glibc ${header.glibcVersionRuntime}` };
}

const [folder = ''] = process.argv.slice(-1);
mkdirSync(folder, { recursive: true });
const store = new Store(folder);
const start: AgentStart = { folder, input: process.stdin, output: process.stdout };
const leave = serve(
  process.stdin,
  process.stdout,
  {
    findTree: (request: Parameters<StoreCalls['findTree']>[0]) => store.findTree(request),
    missing: (request: Parameters<StoreCalls['missing']>[0]) => store.missing(request),
    append: (request: Parameters<StoreCalls['append']>[0], body: Uint8Array) => store.append(request, body),
    makeTree: (request: Parameters<StoreCalls['makeTree']>[0]) => store.makeTree(request),
    platform: () => Promise.resolve({ os: process.platform, arch: process.arch, ...libc() }),
    /** Loads the agent from a tree. The other side sends nothing more until this is answered. */
    become: async ({ program }: { program: string }) => {
      const agent = (await import(pathToFileURL(program).href)) as { start: StartAgent };
      leave();
      agent.start(start);
      return { node: process.versions.node, pid: process.pid };
    },
  },
  () => process.exit(1),
);
process.stdin.once('end', () => process.exit(0));
