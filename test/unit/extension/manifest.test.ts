import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import * as z from 'zod';
import {
  CHECKPOINT_EDITOR,
  COMMANDS,
  commandId,
  CONTAINER,
  FORMER_COMMANDS,
  FORMER_PANELS,
  MILESTONES,
  PANELS,
  SETTINGS,
  VIEWS,
} from '../../../extension/registry';
import { methods } from '../../../core/methods';
import { SHOWN } from '../../../extension/run-artifacts';

const menuItem = z.object({ command: z.string(), when: z.string().optional(), group: z.string().optional() });
const Manifest = z.object({
  activationEvents: z.array(z.string()),
  contributes: z.object({
    commands: z.array(
      z.object({ command: z.string(), title: z.string(), category: z.string(), icon: z.string().optional() }),
    ),
    menus: z.record(z.string(), z.array(menuItem)),
    views: z.record(z.string(), z.array(z.object({ id: z.string() }))),
    viewsContainers: z.object({ activitybar: z.array(z.object({ id: z.string(), icon: z.string() })) }),
    configuration: z.object({ properties: z.record(z.string(), z.object({ default: z.unknown() })) }),
    customEditors: z.array(z.object({ viewType: z.string() })),
    walkthroughs: z.array(
      z.object({
        steps: z.array(
          z.object({
            description: z.string(),
            media: z.object({ svg: z.string() }),
            completionEvents: z.array(z.string()),
          }),
        ),
      }),
    ),
  }),
});

let manifest: z.output<typeof Manifest>;
let texts: Record<string, string>;
let raw = '';
before(async () => {
  raw = await readFile('package.json', 'utf8');
  manifest = Manifest.parse(JSON.parse(raw));
  texts = z.record(z.string(), z.string()).parse(JSON.parse(await readFile('package.nls.json', 'utf8')));
});

const resolved = (text: string) => text.replace(/^%(.+)%$/, (_all, key: string) => texts[key] ?? `no text for ${key}`);

describe('package.json says what the extension registers', () => {
  it('commands: id, title and icon, in one category', () => {
    const said = manifest.contributes.commands.map(({ command, title, category, icon }) => ({
      command,
      title: resolved(title),
      category,
      icon,
    }));
    const expected = Object.entries(COMMANDS).map(([name, { title, icon }]) => ({
      command: commandId(name as keyof typeof COMMANDS),
      title,
      category: 'Winnow',
      icon,
    }));
    assert.deepEqual(said, expected);
  });

  it('internal commands are not in the palette, and all others are', () => {
    const hidden = manifest.contributes.menus.commandPalette?.map(({ command }) => command).sort();
    const internal = Object.entries(COMMANDS)
      .filter(([, definition]) => 'internal' in definition)
      .map(([name]) => `winnow.${name}`)
      .sort();
    assert.deepEqual(hidden, internal);
  });

  it('commands under former names start the extension, and are none of today', () => {
    for (const former of Object.keys(FORMER_COMMANDS)) {
      assert.ok(!(former in COMMANDS), former);
      assert.ok(manifest.activationEvents.includes(`onCommand:winnow.${former}`), former);
    }
  });

  it('menus name commands that exist', () => {
    const known = new Set(Object.keys(COMMANDS).map((name) => `winnow.${name}`));
    for (const [menu, items] of Object.entries(manifest.contributes.menus))
      for (const { command } of items) assert.ok(known.has(command), `${menu}: ${command}`);
  });

  it('links in texts name commands that exist', () => {
    const known = new Set(Object.keys(COMMANDS).map((name) => `winnow.${name}`));
    for (const [key, text] of Object.entries(texts))
      for (const [, command] of text.matchAll(/command:(winnow\.\w+)/g))
        assert.ok(command !== undefined && known.has(command), `${key}: ${command}`);
  });

  it('views, panels, the editor and settings', () => {
    const { views, viewsContainers, configuration, customEditors } = manifest.contributes;
    assert.deepEqual(Object.keys(views), [CONTAINER]);
    assert.deepEqual(
      views[CONTAINER]?.map(({ id }) => id),
      Object.values(VIEWS),
    );
    assert.deepEqual(
      viewsContainers.activitybar.map(({ id }) => id),
      [CONTAINER],
    );
    assert.deepEqual(
      customEditors.map(({ viewType }) => viewType),
      [CHECKPOINT_EDITOR],
    );
    const defaults = Object.entries(configuration.properties).map(([key, value]) => [key, value.default]);
    assert.deepEqual(
      Object.fromEntries(defaults),
      Object.fromEntries(Object.entries(SETTINGS).map(([key, value]) => [`winnow.${key}`, value as unknown])),
    );
    for (const panel of [...Object.values(PANELS), ...Object.keys(FORMER_PANELS)])
      assert.ok(manifest.activationEvents.includes(`onWebviewPanel:${panel}`), `${panel} is restored after a reload`);
  });

  it('steps of the walkthrough are ticked by what was done, not by what was asked for', () => {
    const events = manifest.contributes.walkthroughs.flatMap(({ steps }) => steps.map((step) => step.completionEvents));
    assert.deepEqual(
      events,
      Object.values(MILESTONES).map((key) => [`onContext:${key}`]),
    );
  });

  it('panels are offered by the kinds of artifacts that methods declare', () => {
    const items = manifest.contributes.menus['view/item/context'] ?? [];
    const declared = new Set(methods.flatMap(({ artifacts = [] }) => artifacts.map(({ kind }) => kind)));
    for (const [kind, command] of [
      ['tradeoff', 'openTradeoff'],
      ['token-heatmap', 'openHeatmap'],
      ['importance', 'openImportance'],
    ] as const) {
      assert.ok(declared.has(kind), kind);
      for (const { when = '' } of items.filter((item) => item.command === commandId(command))) {
        const pattern = new RegExp(/viewItem =~ \/(.*)\/$/.exec(when)?.[1] ?? '$^');
        assert.match(`run ended ${SHOWN.join(' ')}`, pattern);
        assert.doesNotMatch(`run ended ${SHOWN.filter((other) => other !== kind).join(' ')}`, pattern);
      }
    }
  });

  it('every text and picture that it names is there', () => {
    for (const [, key] of raw.matchAll(/"%([^%"]+)%"/g)) assert.ok(key !== undefined && key in texts, key);
    for (const { steps } of manifest.contributes.walkthroughs)
      for (const { media } of steps) assert.ok(existsSync(media.svg), media.svg);
    for (const { icon } of manifest.contributes.viewsContainers.activitybar) assert.ok(existsSync(icon), icon);
  });
});
