import type { EncoderHead } from './layout';

/** The class names in transformers of an encoder with each head, by family. */
const ARCHITECTURES: Readonly<Record<'bert' | 'distilbert', Readonly<Record<EncoderHead, string>>>> = {
  bert: { none: 'BertModel', sequence: 'BertForSequenceClassification', masked: 'BertForMaskedLM' },
  distilbert: {
    none: 'DistilBertModel',
    sequence: 'DistilBertForSequenceClassification',
    masked: 'DistilBertForMaskedLM',
  },
};

/**
 * The same `config.json` with another head; everything else is kept, even fields that Winnow does not know.
 * @param labels names of the classes of a sequence head; a single one makes it a regression
 */
export function withHead(
  json: Readonly<Record<string, unknown>>,
  head: EncoderHead,
  labels: readonly string[],
): Record<string, unknown> {
  const architectures = [ARCHITECTURES[json.model_type === 'distilbert' ? 'distilbert' : 'bert'][head]];
  if (head !== 'sequence') return { ...json, architectures };
  // transformers counts the classes by id2label, and complains if num_labels disagrees.
  const rest = Object.entries(json).filter(([key]) => key !== 'num_labels');
  return {
    ...Object.fromEntries(rest),
    architectures,
    id2label: Object.fromEntries(labels.map((label, id) => [String(id), label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    problem_type: labels.length === 1 ? 'regression' : 'single_label_classification',
  };
}
