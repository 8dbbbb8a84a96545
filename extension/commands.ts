/** Every palette command: its id, and its title in `package.json` (a test compares the two). */
export const COMMANDS = {
  checkEnvironment: { id: 'winnow.checkEnvironment', title: 'Check Environment' },
} as const;
