import { REMOTE_VARIABLE } from '../../engine/runtime/installed';
import { quoted } from '../quoting';
import type { Remote } from '../remotes';

/** Winnow's folder on a remote as a word of a shell script, with a leading ~ for the home directory. */
export const folderWord = (folder: string) =>
  folder === '~' || folder.startsWith('~/') ? `"$HOME"${quoted(folder.slice(1))}` : quoted(folder);

/** The oldest Node that can run Winnow: major and minor version. */
const OLDEST = [20, 19] as const;

/** Node answers with 1 if it is new enough. */
const IS_NEW = `const[a,b]=process.versions.node.split('.').map(Number);console.log(a>${OLDEST[0]}||a==${OLDEST[0]}&&b>=${OLDEST[1]}?1:0)`;

/**
 * Reads a program of a given length from the pipe and becomes it; what comes after is left to the program.
 * `eval` and not `new Function`, because a program may import others.
 */
const LOADER =
  "let b=Buffer.alloc(0);const n=Number(process.argv[1]),f=process.stdin;f.on('data',function d(c){b=Buffer.concat([b,c]);if(b.length<n)return;f.pause();f.off('data',d);const r=b.subarray(n);if(r.length)f.unshift(r);eval(b.toString('utf8',0,n))})";

/** Says that something failed, and ends. */
const PRELUDE = (mark: string) => `
say() { printf '%s%s\\n' ${quoted(mark)} "$*"; }
stop() { say "$@"; exit 78; }
umask 077
`;

/**
 * Looks for a Node that works: the one that is set, the one on the PATH, one on the PATH of a login shell (clusters put their programs there), and one that Winnow
 * has brought along.
 */
const FIND_NODE = ({ node }: Pick<Remote, 'node'>) => `
login=$( ( "\${SHELL:-/bin/sh}" -lc 'printf "\\nwinnow-path=%s\\n" "$PATH"' </dev/null 2>/dev/null | sed -n 's/^winnow-path=//p' | tail -n 1 ) 2>/dev/null )
case $login in /*) PATH="$PATH:$login"; export PATH ;; esac
found=
for n in ${node === undefined ? '' : quoted(node)} $(command -v node 2>/dev/null) "$folder/node/node"; do
  [ -x "$n" ] || continue
  new=$("$n" -e ${quoted(IS_NEW)} 2>/dev/null </dev/null) || continue
  if [ "$new" = 1 ]; then found=$n; break; fi
done
`;

/** Set-up lines: what they print is not an answer, and one that fails ends the start. */
const setUp = (lines: readonly string[]) =>
  lines.map((line) => `eval ${quoted(line)} </dev/null 1>&2 || stop setup $? ${quoted(line)}`).join('\n');

/**
 * Where systemd ends the processes of a user at logout, and the user may have some outside of all sessions (lingers), the program is started there.
 * Only if that works: otherwise `winnow remote check` says what is missing.
 */
const LEAVE_SESSION = `
outside=
if command -v loginctl >/dev/null 2>&1 && command -v systemd-run >/dev/null 2>&1; then
  limit=; command -v timeout >/dev/null 2>&1 && limit='timeout 5'
  case $($limit loginctl show-session -p KillUserProcesses 2>/dev/null </dev/null) in *=yes)
    case $($limit loginctl show-user "$(id -un)" -p Linger 2>/dev/null </dev/null) in *=yes)
      if $limit systemd-run --user --scope --quiet -- true >/dev/null 2>&1 </dev/null; then
        outside='systemd-run --user --scope --quiet --'
        WINNOW_OUTSIDE_SESSION=1; export WINNOW_OUTSIDE_SESSION
      fi ;;
    esac ;;
  esac
fi
`;

/** The script that starts a program with Node, or says what is there if there is no Node. @param length of the program, bytes */
export const startScript = (
  remote: Pick<Remote, 'name' | 'folder' | 'setup' | 'node'>,
  mark: string,
  length: number,
) => `${PRELUDE(mark)}
folder=${folderWord(remote.folder)}
mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] || stop folder "$folder"
${setUp(remote.setup)}
${FIND_NODE(remote)}
[ -n "$found" ] || stop no-node "$(uname -s 2>/dev/null) $(uname -m 2>/dev/null) $(getconf LONG_BIT 2>/dev/null || echo 64) $(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 1)"
${LEAVE_SESSION}
say node "$found"
${REMOTE_VARIABLE}=${quoted(remote.name)}; export ${REMOTE_VARIABLE}
exec $outside "$found" -e ${quoted(LOADER)} ${length} "$folder"
`;

/**
 * The script that takes a compressed Node from the pipe. It first says how much of it has arrived before.
 * @param name of this version of Node, so that two are never mixed
 * @param size of the whole, bytes: more than that, or as much that is damaged, is thrown away
 */
export const receiveNodeScript = (
  { folder }: Pick<Remote, 'folder'>,
  mark: string,
  name: string,
  size: number,
) => `${PRELUDE(mark)}
folder=${folderWord(folder)}
part="$folder/node/${name}.partial"
mkdir -p "$folder/node" || stop failed "mkdir $folder/node"
command -v gzip >/dev/null 2>&1 || stop failed "gzip: not found"
[ "$( { wc -c < "$part"; } 2>/dev/null || echo 0)" -lt ${size} ] || rm -f "$part"
say have $( { wc -c < "$part"; } 2>/dev/null || echo 0)
cat >> "$part" || stop failed "write $part"
gzip -t < "$part" 2>/dev/null || stop incomplete $(wc -c < "$part")
gzip -dc < "$part" > "$folder/node/${name}" || stop failed "gzip $part"
chmod 700 "$folder/node/${name}"
why=$("$folder/node/${name}" -e 0 2>&1 </dev/null) || stop broken "$(printf %s "$why" | head -n 1)"
mv "$folder/node/${name}" "$folder/node/node" && rm -f "$part" && say done
`;
