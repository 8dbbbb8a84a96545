/**
 * Quoting for the shells on the way to a remote. The account's own shell parses the command first, and that may be bash, zsh,
 * fish, csh or dash; the text that they all understand is short, so everything else is sent to a `/bin/sh` that it starts.
 */

/**
 * A POSIX script as one line, which `read -r` can take from a pipe: every line feed, backslash and single quote becomes an escape of `printf %b`.
 * Any other character goes through as it is.
 */
export const asOneLine = (script: string) =>
  `eval "$(printf %b '${script
    .replaceAll('\\', '\\0134')
    .replaceAll("'", '\\0047')
    .replaceAll('\r', '\\0015')
    .replaceAll('\n', '\\n')}')"`;

/**
 * The command that ssh passes to the account's shell. It says that it is there, then reads one line and executes it as a script; `read` takes
 * nothing else from the pipe. Empty lines are skipped, so a start-up file that waits for a line can be given one.
 *
 * Valid in every login shell: inside single quotes there is nothing that any of them changes (`!`, a backslash before a quote,
 * a line feed).
 * @param token letters and digits. It is printed next to a prefix that the command has apart from it, so that a shell that
 *   shows its commands does not seem to answer.
 */
export const launcher = (token: string) =>
  `exec /bin/sh -c 'printf "%s%s %s\\n" winnow- ${token} ready; while IFS= read -r s; do case $s in "") ;; *) break ;; esac; done; eval "$s"'`;

/** What a line of an answer begins with. */
export const answerMark = (token: string) => `winnow-${token} `;
