import { expect, test } from 'vitest'
import { type Layout, layoutOf, sourcePath, testPath } from './layout.ts'

const place = (layout: Layout) => {
  const source = sourcePath(layout, ['custom', 'alias'])
  return [source, testPath(layout, source)]
}

test.each([
  [
    'TypeScript beside',
    ['src/link-store.ts', 'src/link-store.test.ts', 'src/a.ts'],
    'src/custom-alias.ts',
    'src/custom-alias.test.ts',
  ],
  [
    'JavaScript apart',
    ['src/short-code.js', 'test/short-code.test.js'],
    'src/custom-alias.js',
    'test/custom-alias.test.js',
  ],
  ['spec files', ['app/userMenu.ts', 'app/userMenu.spec.ts'], 'app/customAlias.ts', 'app/customAlias.spec.ts'],
  [
    'Python',
    ['shop/order_book.py', 'shop/models.py', 'tests/test_order_book.py'],
    'shop/custom_alias.py',
    'tests/test_custom_alias.py',
  ],
  [
    'Go',
    ['internal/store/link_store.go', 'internal/store/link_store_test.go'],
    'internal/custom_alias.go',
    'internal/custom_alias_test.go',
  ],
  ['Rust', ['src/main.rs', 'src/link_store.rs', 'tests/api.rs'], 'src/custom_alias.rs', 'tests/custom_alias.rs'],
  [
    'Java',
    ['src/main/java/org/shop/LinkStore.java', 'src/test/java/org/shop/LinkStoreTest.java'],
    'src/main/java/org/shop/CustomAlias.java',
    'src/test/java/CustomAliasTest.java',
  ],
  [
    'a monorepo',
    ['packages/a/src/one-file.ts', 'packages/a/src/two-files.ts', 'packages/b/src/x.ts'],
    'packages/a/src/custom-alias.ts',
    'test/custom-alias.test.ts',
  ],
  ['files at the root', ['link-store.js', 'app.js'], 'custom-alias.js', 'test/custom-alias.test.js'],
])('%s', (_, paths, source, test) => {
  expect(place(layoutOf(paths))).toEqual([source, test])
})

test('without a file the habits of the language count', () => {
  expect(place(layoutOf([], 'py'))).toEqual(['src/custom_alias.py', 'tests/test_custom_alias.py'])
  expect(place(layoutOf([]))).toEqual(['src/custom-alias.ts', 'test/custom-alias.test.ts'])
})
