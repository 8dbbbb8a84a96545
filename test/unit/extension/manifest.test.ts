import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { z } from 'zod';
import { COMMANDS } from '../../../extension/commands';

const Manifest = z.object({
  contributes: z.object({
    commands: z.array(z.object({ command: z.string(), title: z.string(), category: z.string() })),
  }),
});

it('package.json lists exactly the commands that the extension registers, in one category', async () => {
  const { contributes } = Manifest.parse(JSON.parse(await readFile('package.json', 'utf8')));
  const expected = Object.values(COMMANDS).map(({ id, title }) => ({ command: id, title, category: 'Winnow' }));
  assert.deepEqual(contributes.commands, expected);
});
