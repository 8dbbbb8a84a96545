/**
 * Set to 1 for a command that a person has just asked for, although there is no terminal: by a click in a window. Without it, or a
 * terminal, a remote that could not be reached is not tried again before its pause is over.
 */
export const ASKED_VARIABLE = 'WINNOW_ASKED';
