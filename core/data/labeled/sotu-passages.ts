import { splitIndicesByClass } from '../split-by-class';
import { readAddresses, type Address } from '../text/sotu';
import { RawTexts } from './raw-texts';

/** A passage ends with the sentence that brings it to this length: two to four sentences. */
const PASSAGE_CHARACTERS = 300;

/**
 * A sentence ends before a capital, a quote or a bracket. This also splits after "Mr.", which only makes passages
 * shorter.
 */
const SENTENCE_END = /(?<=[.?!]["')\]]*)\s+(?=["'([]*[A-Z])/;

/** Four eras separated by wars: the Civil War, the First World War, and Vietnam. */
const ERAS: readonly { readonly name: string; readonly until: number }[] = [
  { name: '1790-1860', until: 1860 },
  { name: '1861-1913', until: 1913 },
  { name: '1914-1968', until: 1968 },
  { name: '1969-2021', until: Infinity },
];

/** The label of an address's passages; undefined for addresses that are left out. */
const LABELS = {
  'embedded:sotu-eras': (address: Address) => ERAS.find(({ until }) => address.year <= until)?.name,
  'embedded:sotu-party': ({ party }: Address) => (['Democratic', 'Republican'].includes(party) ? party : undefined),
} as const;
export type SotuSource = keyof typeof LABELS;

export const isSotuSource = (source: string): source is SotuSource => source in LABELS;

/**
 * Passages of the State of the Union addresses, labeled by era, or by the party of the president. Whole addresses are
 * held out, the same share of every class, because passages of one address would reveal others.
 * @param seed decides which addresses those are
 * @throws UserError `data.embedded-missing`
 */
export function readPassages(
  source: SotuSource,
  heldOutShare: number,
  seed: number,
): { train: RawTexts; heldOut: RawTexts } {
  const labelOf = LABELS[source];
  const addresses = readAddresses().flatMap((address) => {
    const label = labelOf(address);
    return label === undefined ? [] : [{ ...address, label }];
  });
  const classes = [...new Set(addresses.map(({ label }) => label))].sort();
  const { train, heldOut } = splitIndicesByClass(
    { size: addresses.length, label: (i) => classes.indexOf(addresses[i]!.label) },
    heldOutShare,
    seed,
  );
  const passagesOf = (indices: Int32Array) => {
    const raw = new RawTexts(false);
    for (const index of indices) {
      const { year, name, text, label } = addresses[index]!;
      raw.places.startFile((place) => `${year} ${name}, passage ${place}`);
      passages(text).forEach((passage, i) => {
        raw.add({ text: passage, label, place: i + 1 });
      });
    }
    return raw;
  };
  return { train: passagesOf(train), heldOut: passagesOf(heldOut) };
}

/** Splits a text after sentences; the rest at the end joins the last passage. */
function passages(text: string): string[] {
  const done: string[] = [];
  let open = '';
  for (const sentence of text.trim().split(SENTENCE_END)) {
    open = open === '' ? sentence : `${open} ${sentence}`;
    if (open.length < PASSAGE_CHARACTERS) continue;
    done.push(open);
    open = '';
  }
  if (open === '') return done;
  const last = done.pop();
  return [...done, last === undefined ? open : `${last} ${open}`];
}
