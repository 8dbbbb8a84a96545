/** `none`: the line contains no metrics. `unsure`: it contains metrics only if it gives a position in the training. */
export type Verdict = 'none' | 'unsure' | undefined;

/** `[rank0]: `, and the bars of an ExceptionGroup. */
const BEFORE =
  /^(?:\s*\[(?:rank|default|worker|process)[\s:_-]?\d+\]:? ?|\s*\[\d+,\d+\]<std(?:out|err)>: ?)?(?:[\s|+]*\| ?)?/i;
const TRACEBACK = /\bTraceback \(most recent call last\)/;
const CHAINED = /^(?:During handling of the above exception|The above exception was the direct cause)/;
/** `ValueError: …`, `torch.cuda.OutOfMemoryError: …`, `KeyboardInterrupt`. */
const RAISED = /^(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|ExceptionGroup)(?:: +(?=\S)(.*))?$/;
/** `MeanSquaredError: 0.5` is a metric; the built-in errors below may have a number as their message. */
const NUMBER = /^[-+−]?[\d.]|^(?:nan|-?inf)\b/i;
const BUILT_IN =
  /^(?:Key|Index|Value|Type|Assertion|Runtime|Lookup|Attribute|Arithmetic|Overflow|ZeroDivision|FloatingPoint|OS|IO|Memory|Timeout|Connection|System)(?:Error|Exit)|^Exception/;
/** `train.py:5: UserWarning: …`, alone or after the name of a logger. */
const WARNED = /(?:^|[\s:])(?:[\w.]+\.)?[A-Z]\w*Warning: /;
/** The source line that Python prints below a warning. */
const STATEMENT = /^ {2}\S*\w\(|^ {2}(?:raise|assert|return|\w+ =)\s/;
/** Warnings and errors from C++: `[W socket.cpp:697] …`, `E0102 10:00:00.123456 1234 x.cc:5] …`. */
const NATIVE = /^\s*\[?[WEF](?:\d{4})?[\s\d:.]*\s[\w./<>-]+\.(?:cpp|cc|cxx|cu|cuh|h|hpp|c|py):\d+\]/;
/** Log levels. Not certain: some programs log everything as a warning. */
const LEVEL = /^(?:[^A-Z]*|.{0,40}?[\s|[(-])(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)[\]):|\s-]/;
/** Longest traceback, in lines. */
const MOST_LINES = 2_000;

/** Recognizes warnings and tracebacks, whose numbers are not metrics. */
export class Errors {
  #inside: 'traceback' | 'box' | 'message' | 'warning' | undefined;
  #lines = 0;

  take(line: string): Verdict {
    const text = line.replace(BEFORE, '');
    if (TRACEBACK.test(line)) return this.#enter(/[─━╭┌]/.test(line) ? 'box' : 'traceback');
    if (CHAINED.test(text)) return 'none';
    const raised = RAISED.exec(text);
    if (raised && !(NUMBER.test(raised[1] ?? '') && !BUILT_IN.test(text)))
      return this.#enter(raised[1] === undefined ? undefined : 'message');
    if (WARNED.test(line)) return this.#enter('warning');
    if (this.#lines++ > MOST_LINES) this.#inside = undefined;
    return this.#within(text) ?? (NATIVE.test(text) || LEVEL.test(text) ? 'unsure' : undefined);
  }

  /** The verdict that follows from the lines before. */
  #within(text: string): Verdict {
    const inside = this.#inside;
    if (inside === 'traceback' && /^\s|^$/.test(text)) return 'none';
    if (inside === 'box' && /^[\s│┃|╰└]/.test(text)) return 'none';
    this.#inside = undefined;
    if (inside === 'warning') return STATEMENT.test(text) ? 'none' : undefined;
    if ((inside !== 'traceback' && inside !== 'message') || text.trim() === '') return undefined;
    // The first line that is not indented names the exception; its message may span several lines.
    this.#inside = 'message';
    return 'unsure';
  }

  /** Call when metrics were read: the training continues. */
  over(): void {
    this.#inside = undefined;
  }

  #enter(what: 'traceback' | 'box' | 'message' | 'warning' | undefined): Verdict {
    this.#inside = what;
    this.#lines = 0;
    return 'none';
  }
}
