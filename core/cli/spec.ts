import { loadSpec } from '../experiments/spec/spec';
import { specJsonSchema } from '../experiments/spec/schema';
import type { AddCommand } from './context';
import { tellRenamed } from './renamed';
import { fields, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

export const addValidate: AddCommand = (program, { registry }) => {
  withJson(program.command('validate <spec>'))
    .description('check a spec for mistakes')
    .action(async (file: string, options: JsonOption) => {
      const spec = await loadSpec(file, registry);
      if (options.json) {
        printJson({ valid: true, spec: spec.resolved, renamed: spec.renamed });
        return;
      }
      tellRenamed(spec);
      print(`${file} is valid.`);
    });
};

export const addMethods: AddCommand = (program, { registry }) => {
  withJson(program.command('methods'))
    .description('list the methods that a spec can use')
    .action((options: JsonOption) => {
      const methods = registry.methods.map(
        ({
          name,
          title,
          summary,
          starting,
          artifacts = [],
          units,
          errorKeys = {},
          formerKeys = {},
          formerDefaults = {},
        }) => ({
          name,
          title,
          summary,
          starting,
          artifacts,
          units,
          errorKeys,
          formerKeys,
          formerDefaults,
        }),
      );
      if (options.json) printJson(methods);
      else print(fields(methods.map(({ name, summary }) => [name, summary])));
    });
};

export const addSchema: AddCommand = (program, { registry }) => {
  withJson(program.command('schema'))
    .description('print the JSON schema of specs, for editors')
    .action(() => {
      printJson(specJsonSchema(registry));
    });
};
