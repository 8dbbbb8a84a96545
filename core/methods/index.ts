import type { Method } from '../experiments/method';
import { command } from './command';
import { gqkva } from './gqkva';
import { plrd } from './plrd';
import { pretrain } from './pretrain';
import { skipvit } from './skipvit';
import { swiftlearn } from './swiftlearn';

/** Every method that a spec can name. */
export const methods: readonly Method[] = [plrd, skipvit, swiftlearn, gqkva, pretrain, command];
