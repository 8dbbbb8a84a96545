import type { Series } from '../protocol/results';

/** One of the models, or ways to train one, that a run compares: trained once per seed. */
export interface Variant {
  /** A valid folder name: `none`, `skip-2to5-55pct`, `GQKVA-3.2`. */
  readonly name: string;
  /** Title of the series that it belongs to. */
  readonly series: string;
  readonly role: Series['role'];
}
