import fc from 'fast-check';

/** Properties are tried with the same values in every run: what fails on one machine fails on another. */
fc.configureGlobal({ seed: 20_231_127 });

export default fc;
