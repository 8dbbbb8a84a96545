import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, it } from 'node:test';

const require = createRequire(import.meta.url);

/** Answers everything with more of itself: enough for code that registers things and asks nothing back. */
const anything = (): object =>
  new Proxy(Object, {
    get: (target, key): unknown => {
      if (key === 'prototype') return target.prototype;
      if (key === Symbol.iterator) return [][Symbol.iterator];
      if (key === Symbol.toPrimitive) return () => '';
      return key === 'then' ? undefined : anything();
    },
    set: () => true,
    apply: anything,
    construct: anything,
  });

/** A bundler copies the own properties of a module, so the stand-in for VS Code has those that the bundle names. */
function standIn(bundle: string): Record<string, object> {
  const names = readNames(bundle);
  assert.ok(names.length > 20, 'The bundle names no part of VS Code.');
  return Object.fromEntries(names.map((name) => [name, anything()]));
}

const readNames = (bundle: string) => [
  ...new Set([...fs.readFileSync(bundle, 'utf8').matchAll(/\b[\w$]+\.([A-Za-z]\w*)\b/g)].map(([, name]) => name!)),
];

describe('activation', () => {
  it('reads no file and loads no parser', () => {
    const bundle = path.resolve('dist', 'extension.cjs');
    const vscode = standIn(bundle);
    const loader = require('node:module') as { _load: (request: string, ...rest: unknown[]) => unknown };
    const load = loader._load;
    loader._load = (request, ...rest) => (request === 'vscode' ? vscode : load.call(loader, request, ...rest));
    let activate: (context: object) => void;
    const subscriptions: { dispose(): void }[] = [];
    try {
      ({ activate } = require(bundle) as { activate: typeof activate });
    } finally {
      loader._load = load;
    }
    const read = watchReads();
    try {
      activate(new Proxy({ subscriptions }, { get: (target, key): unknown => Reflect.get(target, key) ?? anything() }));
    } finally {
      read.stop();
    }
    // What it made looks at the disk by a clock from now on.
    for (const one of subscriptions) one.dispose();
    assert.deepEqual(read.names, []);
    assert.ok(subscriptions.length > 40);
    // zod keeps this from its first line on.
    assert.equal((globalThis as Record<string, unknown>).__zod_globalRegistry, undefined);
  });
});

/** Every call that looks at the disk, while it watches. */
function watchReads(): { readonly names: string[]; stop(): void } {
  const names: string[] = [];
  const undo: (() => void)[] = [];
  for (const [prefix, holder] of [
    ['fs', fs],
    ['fs.promises', fs.promises],
  ] as const)
    for (const [name, value] of Object.entries(holder) as [string, unknown][]) {
      if (typeof value !== 'function' || !/^(read|open|stat|lstat|access|exists|opendir|glob)/.test(name)) continue;
      const target = holder as unknown as Record<string, unknown>;
      target[name] = (...args: unknown[]) => {
        names.push(`${prefix}.${name}(${String(args[0])})`);
        return (value as (...args: unknown[]) => unknown).apply(holder, args);
      };
      undo.push(() => {
        target[name] = value;
      });
    }
  return {
    names,
    stop() {
      for (const step of undo) step();
    },
  };
}
