import path from 'node:path';
import { embeddedParent } from '../pretrain/embedded';

/** The spec of `winnow start`. */
export const demoSpec = (): string => path.resolve(embeddedParent(), '..', '..', 'plrd', 'family.winnow.json');
