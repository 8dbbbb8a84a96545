import path from 'node:path';
import { embeddedParent } from '../../models/embedded';

/** The spec of `winnow start`. */
export const demoSpec = (): string => path.resolve(embeddedParent(), '..', '..', 'plrd', 'family.winnow.json');
