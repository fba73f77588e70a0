import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.{ts,tsx}'],
    setupFiles: ['tests/setup.ts'],
    testTimeout: 40000,
    // their CommonJS requires ES modules, which Node 18 cannot
    server: { deps: { inline: [/antd/, /@ant-design/, /@rc-component/] } },
  },
});
