import type { Method } from '../experiments/method';
import { command } from './command';
import { plrd } from './plrd';
import { pretrain } from './pretrain';

/** Every method that a spec may name. */
export const methods: readonly Method[] = [plrd, pretrain, command];
