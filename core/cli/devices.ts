import type { AddCommand } from './context';
import { color, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

export const addDevices: AddCommand = (program, { targets }) => {
  withJson(program.command('devices'))
    .description('devices that work on this machine, and what the others need')
    .option('--on <remote>', 'those of another machine')
    .action(async (options: JsonOption & { readonly on?: string }) => {
      const target = options.on === undefined ? targets.standard : await targets.get(options.on);
      const devices = await target.devices();
      if (options.json) {
        printJson({ devices });
        return;
      }
      for (const { provider, available, detail, reason, hint } of devices) {
        const mark = available ? color('green', 'yes') : color('dim', 'no ');
        print(`${mark}  ${provider.padEnd(11)} ${(available ? detail : reason) ?? ''}`.trimEnd());
        if (!available && hint) print(color('dim', `                 ${hint}`));
      }
    });
};
