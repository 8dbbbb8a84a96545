/** The experiment of `winnow start`. */
export { demoSpec as firstSpec } from './plrd/demo';
