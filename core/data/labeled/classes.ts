import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { LabeledTextConfig } from './config';
import { GLUE_LAYOUTS, type GlueTask } from './glue';
import { MAX_CLASSES, type LabelColumn } from './label-column';
import type { RawTexts } from './raw-texts';
import type { LabelKind, LabeledTexts } from './texts';

/** What the labels mean. */
export interface Labeling {
  readonly kind: LabelKind;
  /** Empty for numbers. */
  readonly classes: readonly string[];
  /** Whether a class may also be given by its number. */
  readonly isNumbered: boolean;
}

/**
 * Determines what the training labels mean.
 * @param names of the classes, if a file describes them
 * @throws UserError `data.no-number`, `data.too-many-classes`, `data.one-class`
 */
export function labelingOf(
  raw: RawTexts,
  config: Pick<LabeledTextConfig, 'kind'>,
  task: GlueTask | undefined,
  names: readonly string[] | undefined,
): Labeling {
  const { labels } = raw;
  if ((config.kind ?? kindOf(labels, task)) === 'regression')
    return { kind: 'regression', classes: [], isNumbered: false };
  requireFew(labels);
  const given = task === undefined ? names : GLUE_LAYOUTS[task].classes;
  const unnamed = labels.names.filter((name) => !given?.includes(name));
  // If the description does not fit the labels, it describes something else.
  const isGiven =
    given !== undefined && (task !== undefined || unnamed.every((name) => indexOf(name, given) !== undefined));
  const classes = isGiven ? given : sortedClasses(labels.names);
  if (labels.names.length < 2)
    throw new UserError(
      'data.one-class',
      l10n.t`All training texts have the same label, ${listed(labels.names)}.`,
      l10n.t('Use texts of at least two classes, or set data.labelColumn to another column.'),
    );
  return { kind: 'classification', classes, isNumbered: isGiven };
}

/** @throws UserError `data.too-many-classes` */
function requireFew(labels: LabelColumn): void {
  if (labels.hasTooMany)
    throw new UserError(
      'data.too-many-classes',
      l10n.t`There are more than ${MAX_CLASSES} different labels, such as ${listed(labels.names)}.`,
      l10n.t(
        'Set data.labelColumn to the column of the classes, or set data.kind to "regression" if the labels are numbers.',
      ),
    );
}

const kindOf = (labels: LabelColumn, task: GlueTask | undefined): LabelKind => {
  if (task !== undefined) return GLUE_LAYOUTS[task].classes.length === 0 ? 'regression' : 'classification';
  return labels.looksNumeric ? 'regression' : 'classification';
};

/** The classes in the order that they have where nothing names them: numbers by value, names alphabetically. */
export function sortedClasses(names: readonly string[]): string[] {
  const areNumbers = names.every((name) => Number.isFinite(Number(name)));
  return [...names].sort((a, b) => (areNumbers ? Number(a) - Number(b) : a < b ? -1 : 1));
}

/** The index of the class that a number refers to. */
function indexOf(name: string, classes: readonly string[]): number | undefined {
  const value = Number(name);
  return Number.isInteger(value) && value >= 0 && value < classes.length ? value : undefined;
}

/**
 * Maps the labels of samples to class indices or numbers.
 * @throws UserError `data.unknown-label`, `data.no-number`
 */
export function labeled(raw: RawTexts, { kind, classes, isNumbered }: Labeling): LabeledTexts {
  const labels = kind === 'regression' ? numbersOf(raw) : classesOf(raw, classes, isNumbered);
  // The labels as they were read are not captured, so that their memory can be freed.
  const { size, hasPairs, texts, pairs, places } = raw;
  return {
    size,
    kind,
    classes,
    hasPairs,
    text: (index) => texts.at(index),
    pair: (index) => pairs?.at(index),
    label: (index) => labels[index]!,
    name: (index) => places.name(index),
    origin: (index) => places.origin(index),
    update(hash, index) {
      texts.update(hash, index);
      pairs?.update(hash, index);
      hash.update(`${labels[index]!};`);
    },
  };
}

function numbersOf(raw: RawTexts): Float64Array {
  const wrong = raw.labels.firstThatIsNoNumber;
  if (wrong !== undefined)
    throw new UserError(
      'data.no-number',
      l10n.t`${raw.places.name(wrong)} has the label ${JSON.stringify(raw.labels.names[raw.labels.id(wrong)] ?? '')}, which is not a number.`,
      l10n.t('Set data.kind to "classification" if the labels are classes.'),
    );
  return Float64Array.from({ length: raw.size }, (_, i) => raw.labels.number(i));
}

function classesOf(raw: RawTexts, classes: readonly string[], isNumbered: boolean): Int32Array {
  requireFew(raw.labels);
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const indices = raw.labels.names.map((name, id) => {
    const index = numbers.get(name) ?? (isNumbered ? indexOf(name, classes) : undefined);
    if (index !== undefined) return index;
    throw new UserError(
      'data.unknown-label',
      l10n.t`${raw.places.name(raw.labels.firstOf(id))} has the label ${JSON.stringify(name)}, which is not one of ${listed(classes)}.`,
      l10n.t(
        'Both parts need the same classes. If this is the wrong column or task, set data.labelColumn or data.task.',
      ),
    );
  });
  return Int32Array.from({ length: raw.size }, (_, i) => indices[raw.labels.id(i)]!);
}

const NAMED = 5;
const listed = (names: readonly string[]) => {
  const first = names
    .slice(0, NAMED)
    .map((name) => JSON.stringify(name))
    .join(', ');
  return names.length > NAMED ? l10n.t`${first} and ${names.length - NAMED} more` : first;
};
