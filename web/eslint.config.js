// SPDX-License-Identifier: AGPL-3.0-or-later
import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'
import config from './svelte.config.js'

// forbid says who must not import whom: view → state → core, call → core.
const forbid = (files, names) => ({
  files,
  rules: {
    'no-restricted-imports': ['error', {
      patterns: names.map(([group, message]) => ({ group, message })),
    }],
  },
})

export default ts.config(
  { ignores: ['dist/', 'dist-core/', 'node_modules/', 'src/paraglide/', 'src/core/generated.ts', 'shots/', 'test-results/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig: config } },
  },
  {
    rules: {
      'no-undef': 'off', // the compiler knows the globals
      'svelte/no-at-html-tags': 'error', // nothing a person wrote becomes HTML
      'svelte/no-target-blank': 'error',
      // Sets and maps here are bookkeeping that no screen looks at.
      'svelte/prefer-svelte-reactivity': 'off',
      'no-eval': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  forbid(['src/core/**'], [
    [['**/state/**', '**/view/**'], 'core knows neither state nor view'],
    [['svelte', 'svelte/*'], 'core runs in a worker too: no Svelte'],
  ]),
  forbid(['src/state/**'], [[['**/view/**'], 'state does not know how it is shown']]),
  forbid(['src/view/**'], [[['**/core/**', '!**/core/generated', '!**/core/protocol'], 'a view asks state; only types come from the core']]),
)
